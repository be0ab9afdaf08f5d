using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;

namespace QuantBench.Formats.Sources;

/// <summary>How large a model file is.</summary>
/// <param name="Bytes">Bytes of all its files.</param>
/// <param name="WeightBytes">Bytes of all tensors, without headers and padding.</param>
/// <param name="ParameterCount">Number of weights.</param>
public sealed record ArtifactSize(long Bytes, long WeightBytes, long ParameterCount);

/// <summary>Measures model files without loading them.</summary>
public static class ArtifactInspector
{
    /// <summary>Sizes of a GGUF model.</summary>
    /// <param name="path">Path of the file, or of the first one of a split model.</param>
    /// <exception cref="QuantBenchException">The file can't be opened or isn't GGUF.</exception>
    public static ArtifactSize InspectGguf(string path)
    {
        using GgufReader reader = GgufReader.Open(path);
        return new ArtifactSize(reader.FileBytes, reader.TensorBytes, reader.ParameterCount);
    }
}
