using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Models.Architectures;
using QuantBench.Models.Sources;

namespace QuantBench.Models.Synthesis;

/// <summary>A real model's shape as a source: nothing is read, and every artifact of it has random weights.</summary>
public static class SyntheticSource
{
    /// <summary>The shape that a source names.</summary>
    /// <param name="source"><c>synthetic:SHAPE</c>.</param>
    /// <exception cref="RequestException">There is no such shape.</exception>
    public static SyntheticShape ShapeOf(string source)
    {
        ArgumentNullException.ThrowIfNull(source);
        string name = source[SuiteModel.SyntheticPrefix.Length..];
        return SyntheticShapes.Find(name)
            ?? throw new RequestException($"There is no shape '{name}'.",
                DidYouMean.Hint(name, SyntheticShapes.All.Select(s => s.Name), "shapes"));
    }

    /// <summary>Number of weights of the shape that a source names.</summary>
    /// <param name="source"><c>synthetic:SHAPE</c>.</param>
    /// <exception cref="RequestException">There is no such shape.</exception>
    public static long WeightsOf(string source) =>
        DecoderModule.Of(ShapeOf(source).Sizes).Sum(m => m.IsNorm ? m.Columns : m.Rows * m.Columns * Math.Max(1, m.Experts));

    /// <summary>The source.</summary>
    /// <param name="source"><c>synthetic:SHAPE</c>.</param>
    /// <exception cref="RequestException">There is no such shape.</exception>
    public static ModelSource Open(string source) =>
        new(SourceKind.Synthetic, source, [], Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Identity(ShapeOf(source))))));

    // What the files of every format are made by: sizes and the constants of the graph. The name alone would hide a correction.
    private static string Identity(SyntheticShape shape)
    {
        var text = new StringBuilder("synthetic-v1\n");
        text.Append(CultureInfo.InvariantCulture, $"{shape.Name} {shape.Architecture} {shape.ContextLength} {shape.RopeBase:R} ");
        text.Append(CultureInfo.InvariantCulture, $"{shape.EffectiveRotatedWidth} {shape.HasRopeFactors} {shape.RopeScaling} ");
        text.Append(CultureInfo.InvariantCulture, $"{shape.Window} {shape.Heads} {shape.KvHeads} {shape.ExpertsUsed}\n");
        foreach (DecoderModule module in DecoderModule.Of(shape.Sizes))
            text.Append(CultureInfo.InvariantCulture, $"{module.Gguf} {module.Rows} {module.Columns} {module.Experts}\n");
        return text.ToString();
    }
}
