using ILGPU;

namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>
/// Weights of a matrix on a device, as kernels see them. The fields of a format's blocks lie in planes of their own (all quants, then all
/// high bits, then all scales …), which are as large as the blocks were but aligned, so that quants are loaded sixteen bytes at a time.
/// Kernels count chunks and words in 32 bits, which saves half of the arithmetic of addresses;
/// <see cref="Graph.DeviceMatrix"/> refuses larger matrices.
/// </summary>
internal struct MatrixView
{
    /// <summary>All planes as 16-byte units.</summary>
    public ArrayView<Int4> Wide;

    /// <summary>The same memory as words.</summary>
    public ArrayView<int> Words;

    /// <summary>Rows.</summary>
    public int Rows;

    /// <summary>Chunks of 32 weights per row.</summary>
    public int Chunks;

    /// <summary>First word of the second plane; a multiple of 4, as are the following.</summary>
    public int Plane1;

    /// <summary>First word of the third plane.</summary>
    public int Plane2;

    /// <summary>First word of the fourth plane.</summary>
    public int Plane3;

    /// <summary>MLX: bits per quant.</summary>
    public int Bits;

    /// <summary>MLX: 2 to the power of this many chunks share a scale.</summary>
    public int GroupShift;

    /// <summary>MLX: type of scales and biases: 0 = F16, 1 = BF16, 2 = F32.</summary>
    public int ScaleKind;
}
