namespace QuantBench.Formats.Onnx;

/// <summary>Sizes of element types.</summary>
public static class OnnxDataTypes
{
    /// <summary>Bits of one element; 0 for types whose elements have no fixed size.</summary>
    /// <param name="type">An element type.</param>
    public static int Bits(OnnxDataType type) => type switch
    {
        OnnxDataType.UInt2 or OnnxDataType.Int2 => 2,
        OnnxDataType.UInt4 or OnnxDataType.Int4 or OnnxDataType.Float4E2M1 => 4,
        OnnxDataType.UInt8 or OnnxDataType.Int8 or OnnxDataType.Bool or OnnxDataType.Float8E4M3FN or OnnxDataType.Float8E4M3FNUZ
            or OnnxDataType.Float8E5M2 or OnnxDataType.Float8E5M2FNUZ or OnnxDataType.Float8E8M0 => 8,
        OnnxDataType.UInt16 or OnnxDataType.Int16 or OnnxDataType.Float16 or OnnxDataType.BFloat16 => 16,
        OnnxDataType.Float or OnnxDataType.Int32 or OnnxDataType.UInt32 => 32,
        OnnxDataType.Int64 or OnnxDataType.UInt64 or OnnxDataType.Double or OnnxDataType.Complex64 => 64,
        OnnxDataType.Complex128 => 128,
        _ => 0,
    };

    /// <summary>Bytes of a number of elements, the last byte filled up.</summary>
    /// <param name="type">Their type.</param>
    /// <param name="elements">How many.</param>
    /// <exception cref="OverflowException">The size doesn't fit 63 bits.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The type's elements have no fixed size.</exception>
    public static long ByteSize(OnnxDataType type, long elements)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(elements);
        int bits = Bits(type);
        if (bits == 0) throw new ArgumentOutOfRangeException(nameof(type), type, "elements have no fixed size");
        return bits >= 8 ? checked(elements * (bits / 8)) : ((elements - 1) / (8 / bits)) + (elements > 0 ? 1 : 0);
    }
}
