using QuantBench.Core.Errors;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.Ilgpu.Tests;

public sealed class IlgpuEngineTests
{
    [Fact]
    public void Devices_NameEveryBackEnd_WithAReasonWhereItCantBeUsed()
    {
        using var engine = new IlgpuEngine();

        Assert.Contains(engine.Devices(), device => device.Id == "cpu" && device.Support.IsSupported);
        foreach (string id in (string[])["cuda:0", "opencl:0"])
        {
            EngineDevice device = Assert.Single(engine.Devices(), device => device.Id == id);
            if (!device.Support.IsSupported) Assert.StartsWith($"ilgpu/{id}: ", device.Support.Reason, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void CanRun_NamesTheDevices_WhenThereIsNoSuchOne()
    {
        using var engine = new IlgpuEngine();

        Support support = engine.CanRun(Models.Artifact(Models.Random("llama-tiny", "F32")), "opencl:77");

        Assert.Contains("opencl:77", support.Reason);
        Assert.Contains("cpu", support.Reason);
    }

    [Fact]
    public void CanRun_NamesTheTensor_WhenItsTypeHasNoKernels()
    {
        using var engine = new IlgpuEngine();

        Support support = engine.CanRun(Models.Artifact(Models.Random("llama", "TQ2_0")), "cpu");

        Assert.Contains("TQ2_0", support.Reason);
        Assert.Throws<UnsupportedException>(() => Models.Load(engine, Models.Random("llama", "TQ2_0"), "cpu"));
    }

    [Fact]
    public void Build_NamesTheDevice_OnceAModelIsLoaded()
    {
        using var engine = new IlgpuEngine();
        Assert.DoesNotContain("cpu:", engine.Build);

        using ILoadedModel model = Models.Load(engine, Models.Random("llama-tiny", "F32"), "cpu");

        Assert.Contains("cpu: ILGPU's simulation", engine.Build);
        Assert.Equal("cpu", model.DeviceUsed);
    }

    [Fact]
    public void Load_RefusesToSplitLayers()
    {
        using var engine = new IlgpuEngine();
        var options = new LoadOptions { Threads = 1, GpuLayers = 1 };

        UnsupportedException thrown =
            Assert.Throws<UnsupportedException>(() =>
                engine.Load(Models.Artifact(Models.Random("llama-tiny", "F32")), "cpu", options, CancellationToken.None));

        Assert.Contains("1 of 2 layers", thrown.Message);
    }
}
