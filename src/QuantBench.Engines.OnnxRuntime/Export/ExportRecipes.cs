using System.Collections.Immutable;
using QuantBench.Formats.Onnx;

namespace QuantBench.Engines.OnnxRuntime.Export;

/// <summary>Every ONNX variant. A new one is an entry here and a line among the quant schemes.</summary>
internal static class ExportRecipes
{
    private const string Blocks4 =
        "MatMulNBits; at accuracy level 4 activations are quantized to 8 bits per block, at level 0 they stay floats. Embedding and head "
            + "in 8-bit blocks of 32.";

    private const string Bytes8 =
        "Weights are unsigned with zero point 128: signed ones saturate on CPUs without VNNI. Embedding and head in 8-bit blocks of 32.";

    private const string Blocks8 = "MatMulNBits at accuracy level 4: at level 0 ONNX Runtime unpacks 8-bit and 2-bit weights on every run.";

    private const string Lossless =
        "The GGUF file's blocks laid out anew, never quantized again: weights are the same numbers. Embedding and head as in that file.";

    /// <summary>All recipes.</summary>
    public static ImmutableArray<ExportRecipe> All { get; } =
    [
        new("fp32", WeightScheme.Float32, WeightScheme.Float32) { Notes = "32-bit floats throughout." },
        new("fp32-plain", WeightScheme.Float32, WeightScheme.Float32) { IsPlain = true,
            Notes = "32-bit floats; standard operators only (operator set 17)." },
        new("fp16", new(WeightKind.Float16), new(WeightKind.Float16))
        {
            Io = OnnxDataType.Float16,
            Notes = "16-bit storage, KV cache and logits; x64 CPUs widen weights at load and multiply in 32 bits.",
        },
        new("bf16", new(WeightKind.BFloat16),
            new(WeightKind.BFloat16)) { Notes = "bfloat16 storage, widened at load; multiplied in 32 bits." },
        new("int8-dynamic", new(WeightKind.Dynamic8), WeightScheme.Table8) { Notes = Bytes8 },
        new("int8-static", new(WeightKind.Static8), WeightScheme.Table8) { Calibration = CalibrationMethod.MinMax, Notes = Bytes8 },
        new("int8-static-percentile", new(WeightKind.Static8), WeightScheme.Table8) { Calibration = CalibrationMethod.Percentile,
            Notes = Bytes8 },
        new("int8-static-entropy", new(WeightKind.Static8), WeightScheme.Table8) { Calibration = CalibrationMethod.Entropy,
            Notes = Bytes8 },
        new("int8-static-down32", new(WeightKind.Static8), WeightScheme.Table8)
        {
            Calibration = CalibrationMethod.MinMax,
            Parts = ImmutableSortedDictionary<string, WeightScheme>.Empty.Add("down_proj", WeightScheme.Float32),
            Notes = $"{Bytes8} down_proj, whose inputs have the widest range, stays in 32-bit floats.",
        },
        new("int8-b32", WeightScheme.Table8, WeightScheme.Table8) { Notes = Blocks8 },
        new("int4-b32", WeightScheme.OfBlocks(4, 32), WeightScheme.Table8) { Notes = Blocks4 },
        new("int4-b32-a0", WeightScheme.OfBlocks(4, 32, accuracyLevel: 0), WeightScheme.Table8) { Notes = Blocks4 },
        new("int4-b32-asym", WeightScheme.OfBlocks(4, 32, zeroPoints: true), WeightScheme.Table8) { Notes = Blocks4 },
        new("int4-b32-down8", WeightScheme.OfBlocks(4, 32), WeightScheme.Table8)
        {
            Parts = ImmutableSortedDictionary<string, WeightScheme>.Empty.Add("down_proj", WeightScheme.Table8)
                .Add("v_proj", WeightScheme.Table8),
            Notes = $"{Blocks4} down_proj and v_proj in 8-bit blocks, too.",
        },
        new("int4-b128", WeightScheme.OfBlocks(4, 128), WeightScheme.Table8) { Notes = Blocks4 },
        new("int4-b128-asym", WeightScheme.OfBlocks(4, 128, zeroPoints: true), WeightScheme.Table8) { Notes = Blocks4 },
        new("int2-b32", WeightScheme.OfBlocks(2, 32, zeroPoints: true), WeightScheme.Table8) { Notes = Blocks8 },
        .. FromGguf("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K", "Q8_0"),
    ];

    /// <summary>The recipe of a name, or null.</summary>
    public static ExportRecipe? Find(string name) => All.FirstOrDefault(r => r.Name == name);

    private static IEnumerable<ExportRecipe> FromGguf(params string[] schemes)
    {
        foreach (string scheme in schemes)
        {
            // 4-bit weights have fast kernels at both levels; with 8 bits level 0 is for checking.
            bool isFourBits = scheme[1] == '4';
            yield return Make($"gguf-{scheme}", isFourBits ? 0 : 4);
            yield return isFourBits ? Make($"gguf-{scheme}-a4", 4) : Make($"gguf-{scheme}-a0", 0);

            ExportRecipe Make(string name, int level) =>
                new(name, new(WeightKind.Gguf, default, level), new(WeightKind.Gguf, default, level))
                {
                    GgufVariant = $"gguf:{scheme}",
                    Notes = $"{Lossless} MatMulNBits at accuracy level {level}{(level == 0 ? "; tensors in 8 bits are unpacked on every "
                        + "run "
                    + "there, which is slow" : "")}.",
                };
        }
    }
}
