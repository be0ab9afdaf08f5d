using System.Buffers.Binary;
using QuantBench.Engines.Ilgpu.Graph;
using QuantBench.Engines.Managed.Memory;
using QuantBench.Formats.Blocks;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Weights;

namespace QuantBench.DeviceCheck;

/// <summary>A matrix of random blocks on host and device, with the weights as the codec's plain definition decodes them.</summary>
internal sealed unsafe class TestMatrix : IDisposable
{
    private readonly NativeBuffer _bytes;

    /// <param name="device">The device.</param>
    /// <param name="type">Block type.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns; whole blocks.</param>
    /// <param name="random">Decides the bytes.</param>
    /// <param name="exact">Scales are powers of two, so that weights are small integers times a power of two.</param>
    public TestMatrix(TestDevice device, GgmlType type, int rows, int columns, Random random, bool exact)
    {
        (Rows, Columns) = (rows, columns);
        GgmlTypeInfo info = GgmlTypes.Get(type);
        long size = GgmlTypes.ByteSize(type, columns) * rows;
        _bytes = new NativeBuffer(size);
        var bytes = new Span<byte>(_bytes.As<byte>(), (int)size);
        random.NextBytes(bytes);
        for (int at = 0; at < size; at += info.BlockBytes)
        {
            float number = exact ? random.Next(-8, 9) : (float)(random.NextDouble() - 0.5);
            if (type == GgmlType.F32) BinaryPrimitives.WriteSingleLittleEndian(bytes[at..], number);
            else if (type == GgmlType.F16) BinaryPrimitives.WriteHalfLittleEndian(bytes[at..], (Half)number);
            else if (type == GgmlType.BF16)
                BinaryPrimitives.WriteUInt16LittleEndian(bytes[at..], (ushort)(BitConverter.SingleToUInt32Bits(number) >> 16));

            // A power of two.
            if (type == GgmlType.MXFP4) bytes[at] = (byte)(exact ? 128 - random.Next(3) : 128 - random.Next(3, 12));

            // Quarter, half, 1: also the sign changes, and tiny scales are subnormal halves.
            foreach (int offset in ScaleOffsets(type))
            {
                float scale = exact ? (random.Next(2) == 0 ? 1 : -1) * MathF.ScaleB(1, -random.Next(3))
                    : (float)((random.NextDouble() - 0.5) * (random.Next(8) == 0 ? 1e-4 : 0.1));
                BinaryPrimitives.WriteHalfLittleEndian(bytes[(at + offset)..], (Half)scale);
            }
        }

        Weights = new float[(long)rows * columns];
        IBlockCodec codec = GgmlTypes.Codec(type);
        int rowBytes = (int)GgmlTypes.ByteSize(type, columns);
        for (int row = 0; row < rows; row++)
            codec.DequantizeScalar(bytes.Slice(row * rowBytes, rowBytes), Weights.AsSpan(row * columns, columns));
        OnDevice = DeviceMatrix.Upload(device.Memory, "a test", new WeightMatrix(_bytes.As<byte>(), type, rows, columns));
    }

    /// <param name="onDevice">A matrix on the device.</param>
    /// <param name="weights">[rows, columns].</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    public TestMatrix(DeviceMatrix onDevice, float[] weights, int rows, int columns)
    {
        (OnDevice, Weights, Rows, Columns) = (onDevice, weights, rows, columns);
        _bytes = new NativeBuffer(0);
    }

    public int Rows { get; }

    public int Columns { get; }

    /// <summary>[rows, columns].</summary>
    public float[] Weights { get; }

    public DeviceMatrix OnDevice { get; }

    public void Dispose()
    {
        OnDevice.Dispose();
        _bytes.Dispose();
    }

    private static int[] ScaleOffsets(GgmlType type) => type switch
    {
        GgmlType.Q4_0 or GgmlType.Q5_0 or GgmlType.Q8_0 or GgmlType.IQ4_NL or GgmlType.IQ4_XS => [0],
        GgmlType.Q4_1 or GgmlType.Q5_1 or GgmlType.Q4_K or GgmlType.Q5_K => [0, 2],
        GgmlType.Q2_K => [80, 82],
        GgmlType.Q3_K => [108],
        GgmlType.Q6_K => [208],
        _ => [],
    };
}
