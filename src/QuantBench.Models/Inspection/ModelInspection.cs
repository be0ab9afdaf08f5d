using System.Collections.Immutable;

namespace QuantBench.Models.Inspection;

/// <summary>What a model's files hold.</summary>
/// <param name="Path">Its file or directory.</param>
/// <param name="Format">Format id, e.g. <c>gguf</c>.</param>
/// <param name="Claim">What it says it is, e.g. <c>gguf:Q4_K_M</c>; null = it doesn't say.</param>
/// <param name="Groups">Its tensors, in the order they first come.</param>
/// <param name="LayerBits">Bits per weight of its layers' matrices; null where layers can't be told from the rest.</param>
/// <param name="Deviations">What isn't as it says.</param>
public sealed record ModelInspection(
    string Path, string Format, string? Claim, ImmutableArray<TensorGroup> Groups, double? LayerBits, ImmutableArray<string> Deviations)
{
    /// <summary>Weights in all.</summary>
    public long Elements => Groups.Sum(g => g.Elements);

    /// <summary>Bytes in all.</summary>
    public long Bytes => Groups.Sum(g => g.Bytes);

    /// <summary>Bits per weight in all.</summary>
    public double BitsPerWeight => Elements == 0 ? 0 : 8.0 * Bytes / Elements;
}
