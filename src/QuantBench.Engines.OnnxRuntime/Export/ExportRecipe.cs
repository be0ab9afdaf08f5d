using System.Collections.Immutable;
using QuantBench.Formats.Onnx;

namespace QuantBench.Engines.OnnxRuntime.Export;

/// <summary>How activations' ranges are chosen from what was seen.</summary>
internal enum CalibrationMethod
{
    /// <summary>From the smallest to the largest value.</summary>
    MinMax,

    /// <summary>What holds 99.999 % of the values.</summary>
    Percentile,

    /// <summary>The clipping whose quantized histogram has the least divergence from the true one.</summary>
    Entropy,
}

/// <summary>How a variant is exported: which graph, and how each matrix is stored. Which matrices keep a higher precision is decided
/// here.</summary>
/// <param name="Name">The variant without its format.</param>
/// <param name="Layers">Matrices of the layers.</param>
/// <param name="Table">Embedding and output head; shared when the model ties them and the scheme is one of rows.</param>
internal sealed record ExportRecipe(string Name, WeightScheme Layers, WeightScheme Table)
{
    /// <summary>Whether only operators of ONNX's own standard set are used, for other runtimes.</summary>
    public bool IsPlain { get; init; }

    /// <summary>Type of KV cache, logits and activations.</summary>
    public OnnxDataType Io { get; init; } = OnnxDataType.Float;

    /// <summary>Matrices of layers that are stored otherwise, by part, e.g. <c>down_proj</c>.</summary>
    public ImmutableSortedDictionary<string, WeightScheme> Parts { get; init; } = ImmutableSortedDictionary<string, WeightScheme>.Empty;

    /// <summary>How ranges are calibrated; null when they aren't.</summary>
    public CalibrationMethod? Calibration { get; init; }

    /// <summary>The GGUF variant whose blocks are taken over; null = the source's own weights.</summary>
    public string? GgufVariant { get; init; }

    /// <summary>What a reader of figures must know.</summary>
    public required string Notes { get; init; }

    /// <summary>How a matrix is stored.</summary>
    /// <param name="part">Its part of a layer, e.g. <c>down_proj</c>.</param>
    public WeightScheme SchemeOf(string part) => Parts.GetValueOrDefault(part) ?? Layers;

    /// <summary>Everything that decides the output's bytes, in words.</summary>
    public ImmutableSortedDictionary<string, string> Settings()
    {
        ImmutableSortedDictionary<string, string> settings = ImmutableSortedDictionary<string, string>.Empty
            .Add("graph", IsPlain ? "standard operators" : "fused operators")
            .Add("io", Io == OnnxDataType.Float16 ? "fp16" : "fp32")
            .Add("layers", Layers.ToString())
            .Add("embedding_and_head", Table.ToString());
        foreach ((string part, WeightScheme scheme) in Parts) settings = settings.Add(part, scheme.ToString());
        if (Calibration is { } method) settings = settings.Add("calibration", method.ToString());
        if (GgufVariant is { } variant) settings = settings.Add("blocks_of", variant);
        return settings;
    }
}
