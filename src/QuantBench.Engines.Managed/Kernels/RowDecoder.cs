using QuantBench.Formats.Blocks;
using QuantBench.Formats.Gguf;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Rows of weights to floats, for every type with a codec.</summary>
internal static unsafe class RowDecoder
{
    /// <summary>Decodes whole blocks.</summary>
    /// <param name="type">Their type.</param>
    /// <param name="blocks">First block.</param>
    /// <param name="count">Elements.</param>
    /// <param name="floats">[count].</param>
    /// <param name="scalar">By the plain definition instead of the fastest path.</param>
    public static void Decode(GgmlType type, byte* blocks, int count, float* floats, bool scalar)
    {
        IBlockCodec codec = GgmlTypes.Codec(type);
        var input = new ReadOnlySpan<byte>(blocks, checked((int)GgmlTypes.ByteSize(type, count)));
        var output = new Span<float>(floats, count);
        if (scalar) codec.DequantizeScalar(input, output);
        else codec.Dequantize(input, output);
    }
}
