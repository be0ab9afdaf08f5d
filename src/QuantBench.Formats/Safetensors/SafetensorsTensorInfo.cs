using System.Collections.Immutable;

namespace QuantBench.Formats.Safetensors;

/// <summary>Where one tensor lies and how it is stored.</summary>
/// <param name="Name">Name, unique in the model.</param>
/// <param name="DType">Element type.</param>
/// <param name="Shape">Sizes, the contiguous dimension last.</param>
/// <param name="Offset">First byte, from the start of its file.</param>
/// <param name="ByteSize">Bytes.</param>
/// <param name="Part">Index of its file in a sharded model; 0 otherwise.</param>
public sealed record SafetensorsTensorInfo(string Name, SafetensorsDType DType, ImmutableArray<long> Shape, long Offset, long ByteSize,
    int Part = 0)
{
    /// <summary>Bytes of one element.</summary>
    public int ElementBytes => SizeOf(DType);

    /// <summary>Number of elements; 1 for a scalar.</summary>
    public long ElementCount => ByteSize / ElementBytes;

    /// <summary>Bytes of one element of a type.</summary>
    public static int SizeOf(SafetensorsDType type) => type switch
    {
        SafetensorsDType.BOOL or SafetensorsDType.U8 or SafetensorsDType.I8 or SafetensorsDType.F8_E5M2 or SafetensorsDType.F8_E4M3
            or SafetensorsDType.F8_E8M0 => 1,
        SafetensorsDType.I16 or SafetensorsDType.U16 or SafetensorsDType.F16 or SafetensorsDType.BF16 => 2,
        SafetensorsDType.I32 or SafetensorsDType.U32 or SafetensorsDType.F32 => 4,
        _ => 8,
    };
}
