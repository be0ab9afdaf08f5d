using QuantBench.Formats.Onnx;

namespace QuantBench.Engines.OnnxRuntime.Export;

/// <summary>How a matrix is stored.</summary>
internal enum WeightKind
{
    /// <summary>32-bit floats.</summary>
    Float32,

    /// <summary>16-bit floats, multiplied as the runtime can: on x64 CPUs in 32 bits.</summary>
    Float16,

    /// <summary>bfloat16, widened in the graph and multiplied in 32 bits.</summary>
    BFloat16,

    /// <summary>Blocks for MatMulNBits.</summary>
    Blocks,

    /// <summary>Bytes with a scale per output; activations are quantized as they come.</summary>
    Dynamic8,

    /// <summary>Bytes with a scale per output; activations are quantized with calibrated ranges.</summary>
    Static8,

    /// <summary>The blocks of a GGUF file, laid out for MatMulNBits.</summary>
    Gguf,
}

/// <summary>How a matrix is stored and multiplied.</summary>
/// <param name="Kind">How it is stored.</param>
/// <param name="Blocks">Bits, block size and zero points, for <see cref="WeightKind.Blocks"/>.</param>
/// <param name="AccuracyLevel">MatMulNBits: 4 = activations are quantized to 8 bits per block, 0 = they stay floats.</param>
internal sealed record WeightScheme(WeightKind Kind, NBitsFormat Blocks = default, int AccuracyLevel = 0)
{
    public static WeightScheme Float32 { get; } = new(WeightKind.Float32);

    /// <summary>What embeddings and heads of quantized variants are in: llama.cpp, too, keeps them at 6 to 8 bits.</summary>
    public static WeightScheme Table8 { get; } = OfBlocks(8, 32);

    /// <summary>Blocks of some bits and size.</summary>
    public static WeightScheme OfBlocks(int bits, int size, bool zeroPoints = false, int accuracyLevel = 4) =>
        new(WeightKind.Blocks, new NBitsFormat(bits, size, zeroPoints), accuracyLevel);

    /// <summary>In words, for metadata.</summary>
    public override string ToString() => Kind switch
    {
        WeightKind.Float32 => "fp32",
        WeightKind.Float16 => "fp16",
        WeightKind.BFloat16 => "bf16",
        WeightKind.Dynamic8 => "uint8 per output channel, zero point 128; activations uint8 per tensor, ranges as they come",
        WeightKind.Static8 => "uint8 per output channel, zero point 128; activations uint8 per tensor, calibrated ranges",
        WeightKind.Gguf => $"the GGUF file's own blocks, accuracy level {AccuracyLevel}",
        _ => $"{Blocks.Bits}-bit blocks of {Blocks.BlockSize}, {(Blocks.HasZeroPoints ? "asymmetric" : "symmetric")}, accuracy level "
            + $"{AccuracyLevel}",
    };
}
