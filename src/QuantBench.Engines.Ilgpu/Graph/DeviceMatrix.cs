using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using QuantBench.Core.Errors;
using QuantBench.Engines.Ilgpu.Devices;
using QuantBench.Engines.Ilgpu.Kernels;
using QuantBench.Engines.Managed.Kernels;
using QuantBench.Formats.Mlx;

namespace QuantBench.Engines.Ilgpu.Graph;

/// <summary>A matrix on a device, its blocks split into planes.</summary>
internal sealed unsafe class DeviceMatrix : IDisposable
{
    // Planes start at multiples of this many 16-byte units, as the device's own allocations do.
    private const long PlaneUnits = 16;
    private const int StagingBytes = 4 << 20;

    private readonly MemoryBuffer1D<Int4, Stride1D.Dense> _buffer;

    private DeviceMatrix(DeviceFormat format, MemoryBuffer1D<Int4, Stride1D.Dense> buffer, MatrixView view) => (Format, _buffer, View) = (format, buffer, view);

    /// <summary>Its format.</summary>
    public DeviceFormat Format { get; }

    /// <summary>What kernels get.</summary>
    public MatrixView View { get; }

    /// <summary>Bytes on the device.</summary>
    public long Bytes => _buffer.LengthInBytes;

    /// <summary>Copies matrices of one type and width to a device as one: the rows of the first, then those of the second …</summary>
    /// <param name="device">The device.</param>
    /// <param name="what">What it is, for messages.</param>
    /// <param name="parts">The matrices, at least one; a single one unless they are ggml's blocks.</param>
    public static DeviceMatrix Upload(DeviceMemory device, string what, params ReadOnlySpan<WeightMatrix> parts)
    {
        WeightMatrix shape = parts[0];
        if (shape.Source is MlxMatrix mlx) return Upload(device, what, mlx, shape.FirstRow, shape.Rows);
        if (!DeviceFormats.All.TryGetValue(shape.Type, out DeviceFormat? format)) throw new EngineException($"{device.Backend}: there are no kernels for the type of {what}.");
        int chunks = (shape.Columns + 31) / 32;
        int rows = 0;
        foreach (WeightMatrix part in parts) rows += part.Rows;

        // Rows of single floats are padded to whole chunks; blocks are whole chunks already.
        long blocks = (long)rows * (format.ReadsFloats ? chunks * 32 : shape.Columns / format.BlockElements);
        Span<long> starts = stackalloc long[5];
        for (int i = 0; i < format.Planes.Length; i++) starts[i + 1] = Next(starts[i], blocks * format.Planes[i].Length);
        MemoryBuffer1D<Int4, Stride1D.Dense> buffer = device.Allocate<Int4>(starts[format.Planes.Length], what);
        try
        {
            using var staging = new Staging(device, buffer);
            long row = 0;
            foreach (WeightMatrix part in parts)
            {
                if (format.ReadsFloats) CopyFloats(staging, part, format.BlockBytes, chunks, row);
                else
                {
                    for (int i = 0; i < format.Planes.Length; i++) CopyPlane(staging, part, format, i, starts[i], row);
                }

                row += part.Rows;
            }

            staging.Flush();
            return new DeviceMatrix(format, buffer, new MatrixView
            {
                Wide = buffer.View,
                Words = buffer.View.AsContiguous().Cast<int>(),
                Rows = rows,
                Chunks = chunks,
                Plane1 = 4 * starts[1],
                Plane2 = 4 * starts[2],
                Plane3 = 4 * starts[3],
                GroupChunks = 1,
            });
        }
        catch
        {
            buffer.Dispose();
            throw;
        }
    }

    /// <summary>Copies a matrix in MLX's affine code to a device. Scales and biases are stored in 16 bits where that loses nothing.</summary>
    /// <param name="device">The device.</param>
    /// <param name="what">What it is, for messages.</param>
    /// <param name="matrix">The matrix.</param>
    /// <param name="firstRow">First row.</param>
    /// <param name="rows">Number of rows.</param>
    public static DeviceMatrix Upload(DeviceMemory device, string what, MlxMatrix matrix, int firstRow, int rows)
    {
        long rowBytes = MlxAffine.PackedBytes(matrix.Columns, matrix.Quantization.Bits);
        int groups = matrix.Groups;
        float[] scales = new float[checked(rows * groups)], biases = new float[scales.Length];
        for (int row = 0; row < rows; row++) matrix.ReadScales(firstRow + row, scales.AsSpan(row * groups, groups), biases.AsSpan(row * groups, groups));
        int kind = MlxScales.KindOf(scales, biases);
        byte[] scaleBytes = MlxScales.Pack(scales, kind), biasBytes = MlxScales.Pack(biases, kind);

        // A word more than the quants: kernels read two neighbouring words at a time.
        long scaleStart = Next(0, (rowBytes * rows) + sizeof(int));
        long biasStart = Next(scaleStart, scaleBytes.Length);
        MemoryBuffer1D<Int4, Stride1D.Dense> buffer = device.Allocate<Int4>(Next(biasStart, biasBytes.Length), what);
        try
        {
            using var staging = new Staging(device, buffer);
            for (int row = 0; row < rows; row++) staging.Write(rowBytes * row, matrix.Packed(firstRow + row));
            staging.Write(16 * scaleStart, scaleBytes);
            staging.Write(16 * biasStart, biasBytes);
            staging.Flush();
            return new DeviceMatrix(DeviceFormats.Mlx, buffer, new MatrixView
            {
                Wide = buffer.View,
                Words = buffer.View.AsContiguous().Cast<int>(),
                Rows = rows,
                Chunks = matrix.Columns / 32,
                Plane1 = 4 * scaleStart,
                Plane2 = 4 * biasStart,
                Bits = matrix.Quantization.Bits,
                GroupChunks = matrix.Quantization.GroupSize / 32,
                ScaleKind = kind,
            });
        }
        catch
        {
            buffer.Dispose();
            throw;
        }
    }

    /// <summary>The same matrix once more, elsewhere in the device's memory.</summary>
    /// <param name="device">The device.</param>
    /// <param name="what">What it is, for messages.</param>
    public DeviceMatrix Copy(DeviceMemory device, string what)
    {
        MemoryBuffer1D<Int4, Stride1D.Dense> buffer = device.Allocate<Int4>(_buffer.Length, what);
        _buffer.View.AsContiguous().CopyTo(device.Stream, buffer.View.AsContiguous());
        MatrixView view = View;
        view.Wide = buffer.View;
        view.Words = buffer.View.AsContiguous().Cast<int>();
        return new DeviceMatrix(Format, buffer, view);
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _buffer.Dispose();

    private static long Next(long start, long bytes) => start + ((((bytes + 15) / 16) + PlaneUnits - 1) / PlaneUnits * PlaneUnits);

    private static void CopyFloats(Staging staging, WeightMatrix part, int elementBytes, int chunks, long firstRow)
    {
        for (int row = 0; row < part.Rows; row++)
        {
            staging.Write((firstRow + row) * chunks * 32 * elementBytes, new ReadOnlySpan<byte>(part.Row(row), part.Columns * elementBytes));
        }
    }

    private static void CopyPlane(Staging staging, WeightMatrix part, DeviceFormat format, int plane, long start, long firstRow)
    {
        (int offset, int length) = format.Planes[plane];
        long perRow = part.Columns / format.BlockElements;
        long blocks = part.Rows * perRow;
        byte* source = part.Data + offset;
        long target = (16 * start) + (firstRow * perRow * length);
        for (long block = 0; block < blocks; block++, source += format.BlockBytes, target += length) staging.Write(target, new ReadOnlySpan<byte>(source, length));
    }

    /// <summary>Collects ascending writes into pieces large enough to copy. Gaps become zeros.</summary>
    private sealed class Staging(DeviceMemory device, MemoryBuffer1D<Int4, Stride1D.Dense> buffer) : IDisposable
    {
        private readonly byte* _bytes = (byte*)NativeMemory.AllocZeroed(StagingBytes);
        private long _start;

        public void Write(long at, ReadOnlySpan<byte> data)
        {
            while (data.Length > 0)
            {
                while (at >= _start + StagingBytes) Advance();
                int room = (int)Math.Min(data.Length, _start + StagingBytes - at);
                data[..room].CopyTo(new Span<byte>(_bytes + (at - _start), room));
                at += room;
                data = data[room..];
            }
        }

        public void Flush()
        {
            while (_start < buffer.LengthInBytes) Advance();
        }

        public void Dispose() => NativeMemory.Free(_bytes);

        private void Advance()
        {
            long units = Math.Min(StagingBytes, buffer.LengthInBytes - _start) / 16;
            ArrayView<Int4> target = buffer.View.SubView(_start / 16, units);
            target.CopyFromCPU(device.Stream, ref *(Int4*)_bytes, units);
            NativeMemory.Clear(_bytes, StagingBytes);
            _start += StagingBytes;
        }
    }
}
