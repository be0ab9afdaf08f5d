using QuantBench.Core.Variants;

namespace QuantBench.Inference.Artifacts;

/// <summary>The file (or directory) of one variant of one model.</summary>
/// <param name="Path">Absolute path.</param>
/// <param name="Variant">Which variant it is.</param>
/// <param name="Sha256">SHA-256 of the content, 64 lower-case hex digits.</param>
/// <param name="Bytes">Bytes of all its files.</param>
/// <param name="WeightBytes">Bytes of all tensors, without headers and padding.</param>
/// <param name="ParameterCount">Number of weights.</param>
public sealed record Artifact(string Path, Variant Variant, string Sha256, long Bytes, long WeightBytes, long ParameterCount)
{
    /// <summary>Bits per weight over all tensors.</summary>
    public double BitsPerWeight => WeightBytes * 8.0 / ParameterCount;
}
