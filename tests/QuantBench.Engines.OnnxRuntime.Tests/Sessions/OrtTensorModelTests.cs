using System.Runtime.InteropServices;
using QuantBench.Core.Errors;
using QuantBench.Inference.Engines;
using QuantBench.TestKit;

namespace QuantBench.Engines.OnnxRuntime.Tests.Sessions;

public sealed class OrtTensorModelTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly OnnxRuntimeEngine _engine = OnnxModels.Engine();

    public OrtTensorModelTests() => TensorModelFiles.WriteProduct(_directory.Path, [2, 3], [1, 2, 3, 4, 5, 6]);

    [Fact]
    public void Run_ComputesTheOutputs_OfTheInputsGivenLast()
    {
        using ITensorModel model = Load();
        model.SetInput("x", Floats([1, 2], 1, 1));
        model.Run(CancellationToken.None);
        model.SetInput("x", Floats([2, 2], 1, 0, 0, 2));
        model.Run(CancellationToken.None);

        TensorOutput output = Assert.Single(model.Outputs());

        Assert.Equal("y", output.Name);
        Assert.Equal([2, 3], output.Shape.AsEnumerable());
        Assert.Equal([1, 2, 3, 8, 10, 12], output.Values.ToArray());
        Assert.Equal("cpu", model.DeviceUsed);
    }

    [Fact]
    public void Inputs_TellFixedAndSymbolicDimensions()
    {
        using ITensorModel model = Load();

        TensorPort port = Assert.Single(model.Inputs);

        Assert.Equal("float32", port.Type);
        Assert.Equal([new TensorDimension(null, "batch"), new TensorDimension(2, "")], port.Dimensions.AsEnumerable());
    }

    [Fact]
    public void SetInput_RefusesWhatDoesntFit()
    {
        using ITensorModel model = Load();

        Assert.Contains("no input 'z'", Assert.Throws<RequestException>(() => model.SetInput("z", Floats([1, 2], 1, 1))).Message,
            StringComparison.Ordinal);
        Assert.Contains("[1, 3]", Assert.Throws<RequestException>(() => model.SetInput("x", Floats([1, 3], 1, 1, 1))).Message,
            StringComparison.Ordinal);
        Assert.Contains("int64",
            Assert.Throws<RequestException>(() => model.SetInput("x", new TensorValue("int64", [1, 2], new byte[16]))).Message,
            StringComparison.Ordinal);
        Assert.Contains("8 bytes",
            Assert.Throws<RequestException>(() => model.SetInput("x", new TensorValue("float32", [1, 2], new byte[4]))).Message,
            StringComparison.Ordinal);
        Assert.Contains("no value", Assert.Throws<RequestException>(() => model.Run(CancellationToken.None)).Message,
            StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _engine.Dispose();
        _directory.Dispose();
    }

    private ITensorModel Load() =>
        _engine.LoadTensors(OnnxModels.Artifact(_directory.Path), "cpu", new LoadOptions { Threads = 1 }, CancellationToken.None);

    private static TensorValue Floats(long[] shape, params float[] values) =>
        new("float32", [.. shape], MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
}
