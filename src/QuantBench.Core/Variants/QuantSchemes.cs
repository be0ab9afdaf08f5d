using System.Collections.Immutable;

namespace QuantBench.Core.Variants;

/// <summary>
/// Every scheme QuantBench knows. Adding one is one line here; who can make or run it is answered by the engines.
/// GGUF file-type numbers are llama.cpp's <c>llama_ftype</c> and frozen.
/// </summary>
public static class QuantSchemes
{
    private const int WholeRow = -1;

    private static readonly ImmutableArray<QuantScheme> s_all =
    [
        Gguf("F32", 32, 0, "32-bit floats"),
        Gguf("F16", 16, 1, "16-bit floats"),
        Gguf("BF16", 16, 32, "bfloat16"),
        Gguf("Q8_0", 8, 7, "8-bit blocks of 32; near-original"),
        Gguf("Q6_K", 6, 18, "6-bit K-quant"),
        Gguf("Q5_K_M", 5, 17, "5-bit K-quant, medium mix"),
        Gguf("Q5_K_S", 5, 16, "5-bit K-quant, small mix"),
        Gguf("Q5_1", 5, 9, "5-bit blocks of 32 with offset"),
        Gguf("Q5_0", 5, 8, "5-bit blocks of 32"),
        Gguf("Q4_K_M", 4, 15, "4-bit K-quant, medium mix; the usual default"),
        Gguf("Q4_K_S", 4, 14, "4-bit K-quant, small mix"),
        Gguf("Q4_1", 4, 3, "4-bit blocks of 32 with offset"),
        Gguf("Q4_0", 4, 2, "4-bit blocks of 32"),
        Gguf("IQ4_NL", 4, 25, "4-bit non-linear blocks of 32"),
        Gguf("IQ4_XS", 4, 30, "4-bit non-linear superblocks"),
        Gguf("Q3_K_L", 3, 13, "3-bit K-quant, large mix"),
        Gguf("Q3_K_M", 3, 12, "3-bit K-quant, medium mix"),
        Gguf("Q3_K_S", 3, 11, "3-bit K-quant, small mix"),
        Gguf("IQ3_M", 3, 27, "3-bit codebook, medium mix"),
        Gguf("IQ3_S", 3, 26, "3-bit codebook"),
        Gguf("IQ3_XS", 3, 22, "3-bit codebook, extra small", imatrix: true),
        Gguf("IQ3_XXS", 3, 23, "3-bit codebook, smallest", imatrix: true),
        Gguf("Q2_K", 2, 10, "2-bit K-quant; ultra-low"),
        Gguf("Q2_K_S", 2, 21, "2-bit K-quant, small mix", imatrix: true),
        Gguf("IQ2_M", 2, 29, "2-bit codebook, medium mix", imatrix: true),
        Gguf("IQ2_S", 2, 28, "2-bit codebook", imatrix: true),
        Gguf("IQ2_XS", 2, 20, "2-bit codebook, extra small", imatrix: true),
        Gguf("IQ2_XXS", 2, 19, "2-bit codebook, smallest", imatrix: true),
        Gguf("IQ1_M", 1, 31, "1.75-bit codebook", imatrix: true),
        Gguf("IQ1_S", 1, 24, "1.56-bit codebook", imatrix: true),
        Gguf("TQ2_0", 2, 37, "ternary in 2.06 bits; for models trained ternary"),
        Gguf("TQ1_0", 1, 36, "ternary in 1.69 bits; for models trained ternary"),
        Gguf("MXFP4_MOE", 4, 38, "MXFP4 for experts, Q8_0 elsewhere"),
        Gguf("Q2_0", 2, 41, "2-bit blocks of 64"),
        Gguf("Q1_0", 1, 40, "1-bit blocks of 128"),
        new("safetensors", "F32", 32, false, -1, "32-bit floats in the Hugging Face layout"),
        new("safetensors", "F16", 16, false, -1, "16-bit floats in the Hugging Face layout"),
        new("safetensors", "BF16", 16, false, -1, "bfloat16 in the Hugging Face layout"),
        .. Grouped("mlx", [8, 6, 5, 4, 3, 2], [32, 64, 128], "MLX affine"),
        .. Grouped("gptq", [8, 4, 2], [32, 64, 128, WholeRow], "GPTQ, with or without act-order"),
        .. Grouped("awq", [4], [32, 64, 128, WholeRow], "AWQ"),
    ];

    private static readonly FrozenLookup s_byId = new(s_all);

    /// <summary>All schemes, in the order help texts list them.</summary>
    public static ImmutableArray<QuantScheme> All => s_all;

    /// <summary>The scheme of a format by name, ignoring case; null when there is none.</summary>
    /// <param name="format">Format id, e.g. <c>gguf</c>.</param>
    /// <param name="name">Scheme name, e.g. <c>q4_k_m</c>.</param>
    public static QuantScheme? Find(string format, string name) => s_byId.Find(format, name);

    private static QuantScheme Gguf(string name, int bits, int fileType, string description, bool imatrix = false) =>
        new("gguf", name, bits, imatrix, fileType, description);

    /// <summary>Schemes of one format by bits and by how many weights of a row share a scale.</summary>
    private static IEnumerable<QuantScheme> Grouped(string format, int[] bits, int[] groups, string description) =>
        from width in bits
        from size in groups
        let name = size == WholeRow ? $"{width}bit-channel" : $"{width}bit-g{size}"
        let share = size == WholeRow ? "one scale per row" : $"one scale per {size} weights"
        select new QuantScheme(format, name, width, false, -1, $"{description}, {width} bits, {share}") { GroupSize = size };

    private sealed class FrozenLookup(ImmutableArray<QuantScheme> schemes)
    {
        private readonly Dictionary<string, QuantScheme> _map =
            schemes.ToDictionary(s => $"{s.Format}:{s.Name}", StringComparer.OrdinalIgnoreCase);

        public QuantScheme? Find(string format, string name) => _map.GetValueOrDefault($"{format}:{name}");
    }
}
