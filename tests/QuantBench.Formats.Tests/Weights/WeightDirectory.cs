using QuantBench.Formats.Safetensors;
using QuantBench.Formats.Weights;
using QuantBench.TestKit;

namespace QuantBench.Formats.Tests.Weights;

/// <summary>A directory with a few tensors and a <c>config.json</c>.</summary>
internal sealed class WeightDirectory : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly List<(SafetensorsSpec Spec, byte[] Data)> _tensors = [];

    public string Path => _directory.Path;

    public WeightDirectory Add(string name, SafetensorsDType type, long[] shape, byte[] data)
    {
        _tensors.Add((new SafetensorsSpec(name, type, [.. shape]), data));
        return this;
    }

    public WeightDirectory Write(string config)
    {
        File.WriteAllText(System.IO.Path.Combine(Path, "config.json"), config);
        using var writer = new SafetensorsWriter(System.IO.Path.Combine(Path, SafetensorsModel.SingleFile), _tensors.Select(t => t.Spec),
            "pt");
        foreach ((SafetensorsSpec spec, byte[] data) in _tensors) writer.Append(spec.Name, data);
        writer.Complete();
        return this;
    }

    public SafetensorsWeights Open() => SafetensorsWeights.Open(Path);

    public void Dispose() => _directory.Dispose();
}
