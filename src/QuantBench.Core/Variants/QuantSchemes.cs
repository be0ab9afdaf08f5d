using System.Collections.Immutable;

namespace QuantBench.Core.Variants;

/// <summary>
/// Every scheme QuantBench knows. Adding one is one line here; who can make or run it is answered by the engines.
/// GGUF file-type numbers are llama.cpp's <c>llama_ftype</c> and frozen.
/// </summary>
public static class QuantSchemes
{
    /// <summary>Format of the schemes that are single block types of GGUF's tensors: what kernels work on, no format of a whole
    /// model.</summary>
    public const string BlockTypeFormat = "ggml";
    private const int WholeRow = -1;

    private static readonly ImmutableArray<QuantScheme> s_all =
    [
        Gguf("F32", 32, 0, "32-bit floats"),
        Gguf("F16", 16, 1, "16-bit floats"),
        Gguf("BF16", 16, 32, "bfloat16"),
        Gguf("Q8_0", 8, 7, "8-bit blocks of 32; near-original", ignoresImatrix: true),
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
        Gguf("TQ2_0", 2, 37, "ternary in 2.06 bits; for models trained ternary", ignoresImatrix: true),
        Gguf("TQ1_0", 1, 36, "ternary in 1.69 bits; for models trained ternary", ignoresImatrix: true),
        Gguf("MXFP4_MOE", 4, 38, "MXFP4 for experts, Q8_0 elsewhere", ignoresImatrix: true),
        Gguf("NVFP4", 4, 39, "4-bit floats, a scale of 8 bits per 16 and one per matrix; head and embeddings Q6_K", ignoresImatrix: true),
        Gguf("MXFP4", 4, 38, "4-bit floats, a power of two per 32 as scale; head and embeddings Q6_K", ignoresImatrix: true),
        Gguf("Q2_0", 2, 41, "2-bit blocks of 64, of whose four values llama.cpp's quantizer uses three", ignoresImatrix: true),
        Gguf("Q1_0", 1, 40, "1-bit blocks of 128", ignoresImatrix: true),
        Gguf("given", 4, -1, "a GGUF file as its maker left it, whatever its tensors' types", ignoresImatrix: true) with { IsGiven = true },
        new("safetensors", "F32", 32, false, -1, "32-bit floats in the Hugging Face layout"),
        new("safetensors", "F16", 16, false, -1, "16-bit floats in the Hugging Face layout"),
        new("safetensors", "BF16", 16, false, -1, "bfloat16 in the Hugging Face layout"),
        Block("F32", 32), Block("F16", 16), Block("BF16", 16), Block("Q8_0", 8), Block("Q6_K", 6), Block("Q5_K", 5), Block("Q5_1", 5),
        Block("Q5_0", 5),
        Block("Q4_K", 4), Block("Q4_1", 4), Block("Q4_0", 4), Block("IQ4_NL", 4), Block("IQ4_XS", 4), Block("MXFP4", 4), Block("NVFP4", 4),
        Block("Q3_K", 3), Block("IQ3_S", 3), Block("IQ3_XXS", 3), Block("Q2_K", 2), Block("IQ2_S", 2), Block("IQ2_XS", 2),
        Block("IQ2_XXS", 2),
        Block("TQ2_0", 2), Block("Q2_0", 2), Block("IQ1_M", 1), Block("IQ1_S", 1), Block("TQ1_0", 1), Block("Q1_0", 1),
        .. Grouped("mlx", [8, 6, 5, 4, 3, 2], [32, 64, 128], "MLX affine"),
        new("mlx", "mxfp8", 8, false, -1, "MLX, 8-bit floats (E4M3), a power of two per 32 as scale"),
        new("mlx", "mxfp4", 4, false, -1, "MLX, 4-bit floats, a power of two per 32 as scale"),
        new("mlx", "nvfp4", 4, false, -1, "MLX, 4-bit floats, a scale of 8 bits (E4M3) per 16"),
        .. Grouped("gptq", [8, 4, 3, 2], [32, 64, 128, WholeRow], "GPTQ, with or without act-order"),
        .. Grouped("awq", [4], [32, 64, 128, WholeRow], "AWQ"),
        new("gptq", "4bit-g128-rtn", 4, false, -1, "GPTQ's layout, weights rounded to the nearest; made here"),
        new("awq", "4bit-g128-rtn", 4, false, -1, "AWQ's layout, weights rounded to the nearest; made here"),
        .. Grouped("compressed-tensors", [8, 4], [32, 64, 128, WholeRow], "compressed-tensors, whole numbers"),
        new("compressed-tensors", "fp8-tensor", 8, false, -1, "compressed-tensors, 8-bit floats (E4M3), one scale per matrix"),
        new("compressed-tensors", "fp8-channel", 8, false, -1, "compressed-tensors, 8-bit floats (E4M3), one scale per row"),
        new("compressed-tensors", "fp8-block", 8, false, -1, "compressed-tensors, 8-bit floats (E4M3), one scale per block of a matrix"),
        new("compressed-tensors", "nvfp4", 4, false, -1, "compressed-tensors, 4-bit floats, a scale of 8 bits per 16 and one per matrix"),
        new("compressed-tensors", "mxfp4", 4, false, -1, "compressed-tensors, 4-bit floats, a power of two per 32 as scale"),
        new("modelopt", "fp8", 8, false, -1, "TensorRT Model Optimizer, 8-bit floats (E4M3), one scale per matrix"),
        new("modelopt", "nvfp4", 4, false, -1, "TensorRT Model Optimizer, 4-bit floats, a scale of 8 bits per 16 and one per matrix"),
        new("fp8", "tensor", 8, false, -1, "8-bit floats (E4M3), one scale per matrix"),
        new("fp8", "channel", 8, false, -1, "8-bit floats (E4M3), one scale per row"),
        new("fp8", "block", 8, false, -1, "8-bit floats (E4M3), one scale per block of a matrix, as DeepSeek's"),
        new("bnb", "nf4", 4, false, -1, "bitsandbytes, 4-bit normal floats, one scale per block"),
        new("bnb", "nf4-double", 4, false, -1, "bitsandbytes, 4-bit normal floats, scales quantized again"),
        new("bnb", "fp4", 4, false, -1, "bitsandbytes, 4-bit floats, one scale per block"),
        new("bnb", "fp4-double", 4, false, -1, "bitsandbytes, 4-bit floats, scales quantized again"),
        Onnx("fp32", 32, "32-bit floats; fused operators"),
        Onnx("fp32-plain", 32, "32-bit floats; ONNX's standard operators only"),
        Onnx("fp16", 16, "16-bit floats (CPUs compute in 32 bits)"),
        Onnx("bf16", 16, "bfloat16 storage, computed in 32 bits"),
        Onnx("int8-dynamic", 8, "bytes per output channel, activations quantized as they come"),
        Onnx("int8-static", 8, "bytes per output channel, activations calibrated: smallest to largest", calibrated: true),
        Onnx("int8-static-percentile", 8, "as int8-static, ranges that hold 99.999 % of the values", calibrated: true),
        Onnx("int8-static-entropy", 8, "as int8-static, ranges of least divergence", calibrated: true),
        Onnx("int8-static-down32", 8, "as int8-static, down_proj in 32-bit floats", calibrated: true),
        Onnx("int8-b32", 8, "8-bit blocks of 32"),
        Onnx("int4-b32", 4, "4-bit blocks of 32, 8-bit activations"),
        Onnx("int4-b32-a0", 4, "4-bit blocks of 32, float activations"),
        Onnx("int4-b32-asym", 4, "4-bit blocks of 32 with zero points"),
        Onnx("int4-b32-down8", 4, "4-bit blocks of 32; down_proj and v_proj in 8 bits"),
        Onnx("int4-b128", 4, "4-bit blocks of 128"),
        Onnx("int4-b128-asym", 4, "4-bit blocks of 128 with zero points"),
        Onnx("int2-b32", 2, "2-bit blocks of 32 with zero points"),
        OnnxOfGguf("Q4_0", 4, "float activations"),
        OnnxOfGguf("Q4_0-a4", 4, "8-bit activations"),
        OnnxOfGguf("Q4_1", 4, "float activations"),
        OnnxOfGguf("Q4_1-a4", 4, "8-bit activations"),
        OnnxOfGguf("Q5_0", 5, "8-bit activations"),
        OnnxOfGguf("Q5_0-a0", 5, "float activations; slow"),
        OnnxOfGguf("Q5_1", 5, "8-bit activations"),
        OnnxOfGguf("Q5_1-a0", 5, "float activations; slow"),
        OnnxOfGguf("Q4_K_S", 4, "float activations"),
        OnnxOfGguf("Q4_K_S-a4", 4, "8-bit activations"),
        OnnxOfGguf("Q4_K_M", 4, "float activations"),
        OnnxOfGguf("Q4_K_M-a4", 4, "8-bit activations"),
        OnnxOfGguf("Q5_K_S", 5, "8-bit activations"),
        OnnxOfGguf("Q5_K_S-a0", 5, "float activations; slow"),
        OnnxOfGguf("Q5_K_M", 5, "8-bit activations"),
        OnnxOfGguf("Q5_K_M-a0", 5, "float activations; slow"),
        OnnxOfGguf("Q6_K", 6, "8-bit activations"),
        OnnxOfGguf("Q6_K-a0", 6, "float activations; slow"),
        OnnxOfGguf("Q8_0", 8, "8-bit activations"),
        OnnxOfGguf("Q8_0-a0", 8, "float activations; slow"),
        Onnx("given-fp32", 32, "an ONNX model as its maker wrote it, most weights in 32 bits"),
        Onnx("given-fp16", 16, "an ONNX model as its maker wrote it, most weights in 16 bits"),
        Onnx("given-int8", 8, "an ONNX model as its maker wrote it, most weights in 8 bits"),
        Onnx("given-int4", 4, "an ONNX model as its maker wrote it, most weights in 4 bits or fewer"),
    ];

    private static readonly FrozenLookup s_byId = new(s_all);

    /// <summary>All schemes, in the order help texts list them.</summary>
    public static ImmutableArray<QuantScheme> All => s_all;

    /// <summary>The scheme of a format by name, ignoring case; null when there is none.</summary>
    /// <param name="format">Format id, e.g. <c>gguf</c>.</param>
    /// <param name="name">Scheme name, e.g. <c>q4_k_m</c>.</param>
    public static QuantScheme? Find(string format, string name) => s_byId.Find(format, name);

    private static QuantScheme Block(string name, int bits) =>
        new(BlockTypeFormat, name, bits, false, -1, $"block type {name}, for the kernel workload");

    private static QuantScheme Gguf(string name, int bits, int fileType, string description, bool imatrix = false,
        bool ignoresImatrix = false) =>
        new("gguf", name, bits, imatrix, fileType, description) { IgnoresImportanceMatrix = ignoresImatrix };

    /// <summary>Schemes of one format by bits and by how many weights of a row share a scale.</summary>
    private static IEnumerable<QuantScheme> Grouped(string format, int[] bits, int[] groups, string description) =>
        from width in bits
        from size in groups
        let name = size == WholeRow ? $"{width}bit-channel" : $"{width}bit-g{size}"
        let share = size == WholeRow ? "one scale per row" : $"one scale per {size} weights"
        select new QuantScheme(format, name, width, false, -1, $"{description}, {width} bits, {share}") { GroupSize = size };
    private static QuantScheme Onnx(string name, int bits, string description, bool calibrated = false) =>
        new("onnx", name, bits, false, -1, description) { NeedsCalibrationText = calibrated };

    private static QuantScheme OnnxOfGguf(string name, int bits, string activations) =>
        new("onnx", $"gguf-{name}", bits, false, -1, $"the blocks of gguf:{name.Split('-')[0]}, not quantized again; {activations}");

    private sealed class FrozenLookup(ImmutableArray<QuantScheme> schemes)
    {
        private readonly Dictionary<string, QuantScheme> _map =
            schemes.ToDictionary(s => $"{s.Format}:{s.Name}", StringComparer.OrdinalIgnoreCase);

        public QuantScheme? Find(string format, string name) => _map.GetValueOrDefault($"{format}:{name}");
    }
}
