using System.Globalization;
using QuantBench.Core.Variants;
using QuantBench.Formats.Gguf;

namespace QuantBench.Models.Sources;

/// <summary>
/// Whether a GGUF file's tensors are what its scheme's name says. Labels outlive the tensors they were written for, rows that aren't whole
/// blocks get wider types, and a scheme for experts has nothing to do in a model without any: figures under such a name mislead.
/// </summary>
public static class SchemeCheck
{
    // A mix gives some matrices more bits than its name has: up to two thirds more (Q3_K_L of fused matrices: 4.9), or, where those are
    // few, one and a half (Q2_K: 3.4).
    private const double MostOver = 1.7;
    private const double MostMore = 1.5;
    private const double LeastOf = 0.7;

    /// <summary>Why a file isn't of a scheme; null when it is.</summary>
    /// <param name="file">The file.</param>
    /// <param name="scheme">The scheme.</param>
    public static string? Refusal(GgufReader file, QuantScheme scheme)
    {
        ArgumentNullException.ThrowIfNull(file);
        return Refusal(file.Tensors.Select(t => (t.Name, t.Type, t.Dimensions.Length, t.ElementCount, t.ByteSize)), scheme);
    }

    /// <summary>Bits per weight of the layers' matrices; null in a file without any.</summary>
    /// <param name="file">The file.</param>
    public static double? LayerBits(GgufReader file)
    {
        ArgumentNullException.ThrowIfNull(file);
        GgufTensorInfo[] matrices = [.. Matrices(file)];
        return matrices.Length == 0 ? null : 8.0 * matrices.Sum(t => t.ByteSize) / matrices.Sum(t => t.ElementCount);
    }

    /// <summary>How many of the layers' matrices have a wider type than the scheme's, since their rows aren't whole blocks of it; null when
    /// none.</summary>
    /// <param name="file">The file.</param>
    /// <param name="scheme">The scheme its name promises.</param>
    public static string? Fallbacks(GgufReader file, QuantScheme scheme)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(scheme);
        if (scheme.IsGiven) return null;
        int block = BlockOf(scheme.Name);
        GgufTensorInfo[] matrices = [.. Matrices(file)];
        GgufTensorInfo[] other = [.. matrices.Where(t => t.Dimensions[0] % block != 0)];
        if (other.Length == 0) return null;
        string types = string.Join(" and ",
            other.GroupBy(t => t.Type).OrderByDescending(g => g.Count()).Select(g => $"{g.Count()} × {g.Key}"));
        return $"{other.Length} of {matrices.Length} tensors of the layers are {types} instead of {scheme.Name}'s types: their rows "
            + $"aren't whole blocks of {block}";
    }

    private static IEnumerable<GgufTensorInfo> Matrices(GgufReader file) =>
        file.Tensors.Where(t => t.Dimensions.Length > 1 && t.Name.StartsWith("blk.", StringComparison.Ordinal));

    // Weights per block of the types that a scheme's quantizer gives to layers.
    private static int BlockOf(string scheme) => scheme switch
    {
        "IQ4_NL" => 32,
        "Q2_0" or "NVFP4" => 64,
        "Q1_0" => 128,
        "F32" or "F16" or "BF16" => 1,
        _ when scheme.StartsWith("IQ", StringComparison.Ordinal) || scheme.StartsWith("TQ", StringComparison.Ordinal)
            || scheme.Contains("_K", StringComparison.Ordinal) => 256,
        _ => 32,
    };

    /// <summary>Why tensors aren't of a scheme; null when they are.</summary>
    internal static string? Refusal(
        IEnumerable<(string Name, GgmlType Type, int Dimensions, long Elements, long Bytes)> tensors, QuantScheme scheme)
    {
        ArgumentNullException.ThrowIfNull(scheme);
        (string Name, GgmlType Type, int Dimensions, long Elements, long Bytes)[] matrices =
            [.. tensors.Where(t => t.Dimensions > 1 && t.Name.StartsWith("blk.", StringComparison.Ordinal))];
        if (matrices.Length == 0) return null;
        double bits = 8.0 * matrices.Sum(t => t.Bytes) / matrices.Sum(t => t.Elements);
        if (bits >= LeastOf * scheme.NominalBits && bits <= Math.Max(MostOver * scheme.NominalBits, scheme.NominalBits + MostMore))
            return null;
        IEnumerable<string> types = matrices.GroupBy(t => t.Type).OrderByDescending(g => g.Sum(t => t.Elements))
            .Select(g => $"{g.Count()} × {g.Key}");
        return $"the matrices of its layers are {string.Join(", ", types)}, {bits.ToString("F2", CultureInfo.InvariantCulture)} bits per "
            + $"weight: that isn't {scheme.Name}";
    }
}
