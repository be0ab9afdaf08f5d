using System.Numerics;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using QuantBench.Core.Errors;
using QuantBench.Engines.Ilgpu.Devices;
using QuantBench.Engines.Ilgpu.Kernels;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Mlx;
using QuantBench.Models.Weights;

namespace QuantBench.Engines.Ilgpu.Graph;

/// <summary>A matrix on a device, its blocks split into planes.</summary>
internal sealed unsafe class DeviceMatrix : DeviceOwner
{
    // Planes start at multiples of this many 16-byte units, as the device's own allocations do.
    private const long PlaneUnits = 16;
    private const int StagingBytes = 4 << 20;

    // Rows that are read at once from formats that interleave them.
    private const int RowRun = 32;

    private readonly MemoryBuffer1D<Int4, Stride1D.Dense> _buffer;

    private DeviceMatrix(DeviceFormat format, MemoryBuffer1D<Int4, Stride1D.Dense> buffer, MatrixView view) =>
        (Format, _buffer, View) = (format, Keep(buffer), view with { Wide = buffer.View, Words = buffer.View.AsContiguous().Cast<int>() });

    private delegate void PackRow(int row, Span<byte> to);

    /// <summary>Its format.</summary>
    public DeviceFormat Format { get; }

    /// <summary>What kernels get.</summary>
    public MatrixView View { get; }

    /// <summary>Copies matrices of one type and width to a device as one: the rows of the first, then those of the second …</summary>
    /// <param name="device">The device.</param>
    /// <param name="what">What it is, for messages.</param>
    /// <param name="parts">The matrices, at least one; of other formats than ggml's blocks several become floats.</param>
    public static DeviceMatrix Upload(DeviceMemory device, string what, params ReadOnlySpan<WeightMatrix> parts)
    {
        WeightMatrix shape = Joined(parts) ?? parts[0];
        if (shape == parts[0] && parts.Length > 1 && shape.Source is not null) return UploadDecoded(device, what, parts);
        if (shape.Source is MlxMatrix mlx) return Upload(device, what, mlx, shape.FirstRow, shape.Rows);
        if (shape.Source is IGroupedMatrix { GroupSize: > 0, Bits: 2 or 4 or 8 } grouped && grouped.GroupSize % 32 == 0)
            return Upload(device, what, grouped, shape.FirstRow, shape.Rows);
        if (shape.Source is not null) return UploadDecoded(device, what, shape);
        if (!DeviceFormats.All.TryGetValue(shape.Type, out DeviceFormat? format))
            throw new UnsupportedException(device.Backend, $"there are no kernels for the type of {what}.");
        int chunks = (shape.Columns + 31) / 32;
        int rows = 0;
        foreach (WeightMatrix part in parts) rows += part.Rows;

        // Rows of single floats are padded to whole chunks; blocks are whole chunks already.
        long blocks = (long)rows * (format.ReadsFloats ? chunks * 32 : shape.Columns / GgmlTypes.Get(shape.Type).BlockElements);
        long[] starts = new long[5];
        for (int i = 0; i < format.Planes.Length; i++) starts[i + 1] = Next(starts[i], blocks * format.Planes[i].Length);
        var view = new MatrixView
        {
            Rows = rows,
            Chunks = chunks,
            Plane1 = (int)(4 * starts[1]),
            Plane2 = (int)(4 * starts[2]),
            Plane3 = (int)(4 * starts[3]),
        };
        WeightMatrix[] all = [.. parts];
        return Fill(device, what, format, starts[format.Planes.Length], view, staging =>
        {
            long row = 0;
            foreach (WeightMatrix part in all)
            {
                if (format.ReadsFloats) CopyFloats(staging, part, format.Planes[0].Length, chunks, row);
                else
                {
                    for (int i = 0; i < format.Planes.Length; i++) CopyPlane(staging, part, format, i, starts[i], row);
                }

                row += part.Rows;
            }
        });
    }

    /// <summary>Several matrices of one source, one behind the other, as the single one that they are; null otherwise.</summary>
    private static WeightMatrix? Joined(ReadOnlySpan<WeightMatrix> parts)
    {
        if (parts is not [{ Source: { } source } first, _, ..]) return null;
        int rows = 0;
        foreach (WeightMatrix part in parts)
        {
            if (part.Source != source || part.FirstRow != first.FirstRow + rows) return null;
            rows += part.Rows;
        }

        return new WeightMatrix(source).Slice(first.FirstRow, rows);
    }

    /// <summary>Copies a matrix in MLX's affine code to a device. Scales and biases are stored in 16 bits where that loses
    /// nothing.</summary>
    /// <param name="device">The device.</param>
    /// <param name="what">What it is, for messages.</param>
    /// <param name="matrix">The matrix.</param>
    /// <param name="firstRow">First row.</param>
    /// <param name="rows">Number of rows.</param>
    public static DeviceMatrix Upload(DeviceMemory device, string what, MlxMatrix matrix, int firstRow, int rows)
    {
        int groups = matrix.Groups;
        float[] scales = new float[checked(rows * groups)], biases = new float[scales.Length];
        for (int row = 0; row < rows; row++)
            matrix.ReadScales(firstRow + row, scales.AsSpan(row * groups, groups), biases.AsSpan(row * groups, groups));
        return Upload(device, what, rows, matrix.Columns, matrix.Quantization.Bits, matrix.Quantization.GroupSize, scales, biases,
            (row, to) => matrix.Packed(firstRow + row).CopyTo(to));
    }

    /// <summary>
    /// Copies a matrix of GPTQ or AWQ to a device in MLX's code, which says the same: scale · (q − zero) = scale · q + bias with
    /// bias = −scale · zero, exact in single precision, as a half times a byte is.
    /// </summary>
    /// <inheritdoc cref="Upload(DeviceMemory, string, MlxMatrix, int, int)"/>
    public static DeviceMatrix Upload(DeviceMemory device, string what, IGroupedMatrix matrix, int firstRow, int rows)
    {
        // Groups of a size that isn't a power of two are cut into smaller ones that are.
        int size = 32 * (1 << BitOperations.TrailingZeroCount(matrix.GroupSize / 32)), cuts = matrix.GroupSize / size,
            groups = matrix.Columns / size;
        float[] scales = new float[checked(rows * groups)], biases = new float[scales.Length];
        float[] given = new float[matrix.Columns / matrix.GroupSize], zeros = new float[given.Length];
        for (int row = 0; row < rows; row++)
        {
            matrix.ReadGroups(firstRow + row, given, zeros);
            for (int g = 0; g < groups; g++)
            {
                scales[(row * groups) + g] = given[g / cuts];
                biases[(row * groups) + g] = -given[g / cuts] * zeros[g / cuts];
            }
        }

        byte[] quants = new byte[checked(RowRun * matrix.Columns)];
        return Upload(device, what, rows, matrix.Columns, matrix.Bits, size, scales, biases, (row, to) =>
        {
            // These formats interleave rows, so a run of them is read at once.
            if (row % RowRun == 0) matrix.ReadQuants(firstRow + row, Math.Min(RowRun, rows - row), quants);
            ReadOnlySpan<byte> from = quants.AsSpan(row % RowRun * matrix.Columns, matrix.Columns);
            int perByte = 8 / matrix.Bits;
            for (int i = 0; i < to.Length; i++)
            {
                int packed = 0;
                for (int k = 0; k < perByte; k++) packed |= from[(i * perByte) + k] << (k * matrix.Bits);
                to[i] = (byte)packed;
            }
        });
    }

    /// <summary>Copies a matrix as floats: one whose columns are in groups of any order has no code on the device.</summary>
    private static DeviceMatrix UploadDecoded(DeviceMemory device, string what, params ReadOnlySpan<WeightMatrix> parts)
    {
        WeightMatrix[] all = [.. parts];
        int columns = all[0].Columns, chunks = (columns + 31) / 32, rows = all.Sum(part => part.Rows);
        var view = new MatrixView { Rows = rows, Chunks = chunks };
        return Fill(device, what, DeviceFormats.All[GgmlType.F32], (long)rows * chunks * 8, view, staging =>
        {
            float[] values = new float[checked(RowRun * columns)];
            long at = 0;
            foreach (WeightMatrix part in all)
            {
                IWeightMatrix source = part.Source ?? throw new InvalidOperationException("blocks aren't decoded here");
                for (int row = 0; row < part.Rows; row++, at += chunks * 128L)
                {
                    int count = Math.Min(RowRun, part.Rows - row);
                    if (row % RowRun == 0) source.ReadRows(part.FirstRow + row, count, values.AsSpan(0, count * columns));
                    staging.Write(at, MemoryMarshal.AsBytes(values.AsSpan(row % RowRun * columns, columns)));
                }
            }
        });
    }

    private static DeviceMatrix Upload(
        DeviceMemory device, string what, int rows, int columns, int bits, int groupSize, float[] scales, float[] biases, PackRow pack)
    {
        int kind = MlxScales.KindOf(scales, biases);
        byte[] scaleBytes = MlxScales.Pack(scales, kind), biasBytes = MlxScales.Pack(biases, kind);

        // A word more than the quants: kernels read two neighbouring words at a time.
        byte[] packed = new byte[MlxAffine.PackedBytes(columns, bits)];
        long scaleStart = Next(0, ((long)packed.Length * rows) + sizeof(int));
        long biasStart = Next(scaleStart, scaleBytes.Length);
        var view = new MatrixView
        {
            Rows = rows,
            Chunks = columns / 32,
            Plane1 = (int)(4 * scaleStart),
            Plane2 = (int)(4 * biasStart),
            Bits = bits,
            GroupShift = BitOperations.TrailingZeroCount(groupSize / 32),
            ScaleKind = kind,
        };
        return Fill(device, what, DeviceFormats.Mlx(bits), Next(biasStart, biasBytes.Length), view, staging =>
        {
            for (int row = 0; row < rows; row++)
            {
                pack(row, packed);
                staging.Write((long)packed.Length * row, packed);
            }

            staging.Write(16 * scaleStart, scaleBytes);
            staging.Write(16 * biasStart, biasBytes);
        });
    }

    /// <summary>Allocates a matrix and fills it.</summary>
    /// <param name="device">The device.</param>
    /// <param name="what">What it is, for messages.</param>
    /// <param name="format">Its format.</param>
    /// <param name="units">Its size in units of 16 bytes.</param>
    /// <param name="view">Where its planes are.</param>
    /// <param name="write">Writes the planes.</param>
    private static DeviceMatrix Fill(
        DeviceMemory device, string what, DeviceFormat format, long units, MatrixView view, Action<Staging> write)
    {
        // Kernels count words in 32 bits.
        if (units > int.MaxValue / 4)
            throw new UnsupportedException(device.Backend, $"a matrix of {what} takes {units >> 26} GiB; the kernels address 8 GiB.",
                "Use a smaller quant level.");
        MemoryBuffer1D<Int4, Stride1D.Dense> buffer = device.Allocate<Int4>(units, what);
        try
        {
            using var staging = new Staging(device, buffer);
            write(staging);
            staging.Flush();
            return new DeviceMatrix(format, buffer, view);
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
        return new DeviceMatrix(Format, buffer, View);
    }

    private static long Next(long start, long bytes) => start + ((((bytes + 15) / 16) + PlaneUnits - 1) / PlaneUnits * PlaneUnits);

    private static void CopyFloats(Staging staging, WeightMatrix part, int elementBytes, int chunks, long firstRow)
    {
        for (int row = 0; row < part.Rows; row++)
        {
            staging.Write((firstRow + row) * chunks * 32 * elementBytes,
                new ReadOnlySpan<byte>(part.Row(row), part.Columns * elementBytes));
        }
    }

    private static void CopyPlane(Staging staging, WeightMatrix part, DeviceFormat format, int plane, long start, long firstRow)
    {
        (int offset, int length) = format.Planes[plane];
        GgmlTypeInfo type = GgmlTypes.Get(part.Type);
        long perRow = part.Columns / type.BlockElements;
        long blocks = part.Rows * perRow;
        byte* source = part.Data + offset;
        long target = (16 * start) + (firstRow * perRow * length);
        Span<byte> recoded = stackalloc byte[16];
        for (long block = 0; block < blocks; block++, source += type.BlockBytes, target += length)
        {
            var field = new ReadOnlySpan<byte>(source, length);
            if (plane == format.RecodedPlane)
            {
                KHeader.Recode(field, recoded);
                staging.Write(target, recoded);
            }
            else
            {
                staging.Write(target, field);
            }
        }
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
