using System.Buffers.Binary;
using System.Runtime.InteropServices;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Safetensors;

namespace QuantBench.Models.Synthesis;

/// <summary>
/// Random blocks of every tensor type: random quants under fixed scales, so that gigabytes are made as fast as they are written and every
/// weight is finite. Weights have a standard deviation near the wanted one and a mean near zero.
/// </summary>
public sealed class SyntheticBlocks
{
    private readonly Random _random;
    private readonly float[] _normal = new float[1 << 16];

    /// <param name="seed">The same seed gives the same bytes.</param>
    public SyntheticBlocks(int seed)
    {
        _random = new Random(seed);
        for (int i = 0; i < _normal.Length; i += 2)
        {
            double radius = Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble()));
            (double sin, double cos) = Math.SinCos(2 * Math.PI * _random.NextDouble());
            _normal[i] = (float)(radius * cos);
            _normal[i + 1] = (float)(radius * sin);
        }
    }

    /// <summary>Fills a matrix for timing: the same bytes for the same shape.</summary>
    /// <param name="type">Its type.</param>
    /// <param name="columns">Weights per row.</param>
    /// <param name="start">First row.</param>
    /// <param name="bytes">Bytes of all rows.</param>
    public static unsafe void FillMatrix(GgmlType type, int columns, byte* start, long bytes)
    {
        var blocks = new SyntheticBlocks(seed: 1);
        long rowBytes = GgmlTypes.ByteSize(type, columns);
        long piece = Math.Max(1, (16L << 20) / rowBytes) * rowBytes;

        // Products keep the size of their inputs, as in a model.
        for (long at = 0; at < bytes; at += piece)
            blocks.Fill(type, new Span<byte>(start + at, (int)Math.Min(piece, bytes - at)), 1 / MathF.Sqrt(columns));
    }

    /// <summary>Fills with random bytes.</summary>
    public void Fill(Span<byte> bytes) => _random.NextBytes(bytes);

    /// <summary>Fills whole blocks.</summary>
    /// <param name="type">A type that holds weights.</param>
    /// <param name="bytes">Whole blocks.</param>
    /// <param name="deviation">Wanted standard deviation of weights.</param>
    public void Fill(GgmlType type, Span<byte> bytes, float deviation)
    {
        if (type is GgmlType.F32 or GgmlType.F16 or GgmlType.BF16)
        {
            FillFloats(type, bytes, deviation);
            return;
        }

        _random.NextBytes(bytes);
        GgmlTypes.Codec(type).SetScales(bytes, deviation);
    }

    /// <summary>Fills with floats around a mean that isn't 0.</summary>
    /// <param name="type">F32, F16 or BF16.</param>
    /// <param name="bytes">Whole elements.</param>
    /// <param name="mean">Their mean.</param>
    /// <param name="deviation">Their standard deviation.</param>
    internal void FillAround(SafetensorsDType type, Span<byte> bytes, float mean, float deviation)
    {
        int start = _random.Next(_normal.Length);
        for (int at = 0; at < bytes.Length; at += SafetensorsTensorInfo.SizeOf(type))
        {
            float value = mean + (Next(ref start) * deviation);
            if (type == SafetensorsDType.F32) BinaryPrimitives.WriteSingleLittleEndian(bytes[at..], value);
            else if (type == SafetensorsDType.F16) BinaryPrimitives.WriteHalfLittleEndian(bytes[at..], (Half)value);
            else BinaryPrimitives.WriteUInt16LittleEndian(bytes[at..], (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16));
        }
    }

    private void FillFloats(GgmlType type, Span<byte> bytes, float deviation)
    {
        int start = _random.Next(_normal.Length);
        if (type == GgmlType.F32)
        {
            Span<float> floats = MemoryMarshal.Cast<byte, float>(bytes);
            for (int i = 0; i < floats.Length; i++) floats[i] = Next(ref start) * deviation;
            return;
        }

        Span<ushort> halves = MemoryMarshal.Cast<byte, ushort>(bytes);
        for (int i = 0; i < halves.Length; i++)
        {
            float value = Next(ref start) * deviation;
            halves[i] = type == GgmlType.F16 ? BitConverter.HalfToUInt16Bits((Half)value)
                : (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16);
        }
    }

    // A stride that shares no factor with the table's length walks through all of it, and no two rows start alike.
    private float Next(ref int at)
    {
        at = (at + 40_503) & (_normal.Length - 1);
        return _normal[at];
    }
}
