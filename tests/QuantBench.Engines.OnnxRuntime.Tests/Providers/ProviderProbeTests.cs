using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Engines.OnnxRuntime.Providers;
using QuantBench.Inference.Engines;
using QuantBench.TestKit;

namespace QuantBench.Engines.OnnxRuntime.Tests.Providers;

public sealed class ProviderProbeTests
{
    [Fact]
    public void Devices_AreTheCpu_AndAReasonForEachOther()
    {
        using OnnxRuntimeEngine engine = OnnxModels.Engine();

        ImmutableArray<EngineDevice> devices = engine.Devices();

        Assert.Equal(["cpu", "cuda:0", "tensorrt:0", "dml:0", "openvino", "coreml", "qnn", "xnnpack", "webgpu"], devices.Select(d => d.Id));
        Assert.True(devices[0].Support.IsSupported);
        Assert.All(devices.Skip(1), d => Assert.Contains("--ort-library", d.Support.Reason, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("tpu")]
    [InlineData("cpu:0")]
    [InlineData("cuda:x")]
    public void CanRun_NamesTheDevices_WhenItIsUnknown(string device)
    {
        using OnnxRuntimeEngine engine = OnnxModels.Engine();
        using var directory = new TemporaryDirectory();
        directory.Write("model.onnx", []);

        Assert.Contains("cuda:0", engine.CanRun(OnnxModels.Artifact(directory.Path), device).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Probe_RunsAGraph_ThroughAProviderOfAnyBuild()
    {
        // The CPU provider appended by name goes the way every other provider of a build goes.
        var provider = new ExecutionProvider("cpu-by-name", "CPUExecutionProvider", "", false, (o, _) => o.AppendExecutionProvider("CPU"),
            "");

        Assert.True(ProviderProbe.Compiled(provider, 0).Support.IsSupported);
    }

    [Fact]
    public void Probe_TellsOnnxRuntimesOwnWords_WhenAProviderCantBeAppended()
    {
        var provider = new ExecutionProvider("qnn", "QNNExecutionProvider", "", false, (o, _) => o.AppendExecutionProvider("QNN"), "");

        Assert.Contains("not supported in this build", ProviderProbe.Compiled(provider, 0).Support.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Probe_NamesTheLibraryThatCantBeLoaded()
    {
        using var directory = new TemporaryDirectory();
        directory.Write(OperatingSystem.IsWindows() ? "onnxruntime_providers_qnn.dll" : "libonnxruntime_providers_qnn.so", [1, 2, 3]);
        var provider = new ExecutionProvider("qnn", "QNNExecutionProvider", "", false, (o, _) => o.AppendExecutionProvider("QNN"), "");

        string? reason = ProviderProbe.Compiled(provider, 0, directory.Path).Support.Reason;

        Assert.Contains("onnxruntime_providers_qnn", reason, StringComparison.Ordinal);
        Assert.Contains("can't be loaded", reason, StringComparison.Ordinal);
        Assert.DoesNotContain("\n", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Plugin_ThatCantBeRegistered_IsADeviceWithItsReason()
    {
        using var directory = new TemporaryDirectory();
        string notALibrary = directory.Write("provider.so", [1, 2, 3]);
        using IEngine engine = OnnxRuntimeEngine.Registration.Create(new EngineEnvironment
        {
            Log = _ => { },
            Root = RepositoryRoot.Directory,
            NativeDirectories = ImmutableSortedDictionary<string, string>.Empty.Add("onnxruntime:mine", notALibrary),
        });

        EngineDevice device = engine.Devices().Single(d => d.Id == "mine");

        Assert.Contains("can't be registered", device.Support.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Library_OfTheUsers_IsRefused_WhenAnotherIsLoadedAlready()
    {
        using OnnxRuntimeEngine engine = OnnxModels.Engine();

        EngineException error = Assert.Throws<EngineException>(() => OnnxRuntimeEngine.Registration.Create(new EngineEnvironment
        {
            Log = _ => { },
            Root = RepositoryRoot.Directory,
            NativeDirectories = ImmutableSortedDictionary<string, string>.Empty.Add("onnxruntime", "/elsewhere/libonnxruntime.so"),
        }));

        Assert.Contains("already runs", error.Message, StringComparison.Ordinal);
    }
}
