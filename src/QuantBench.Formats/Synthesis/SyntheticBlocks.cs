using System.Buffers.Binary;
using System.Collections.Frozen;
using System.Runtime.InteropServices;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Safetensors;

namespace QuantBench.Formats.Synthesis;

/// <summary>
/// Random blocks of every tensor type: random quants under fixed scales, so that gigabytes are made as fast as they are written and every
/// weight is finite. Weights have a standard deviation near the wanted one and a mean near zero.
/// </summary>
public sealed class SyntheticBlocks
{
    /// <summary>Where a type's half-precision scales lie, and their values for weights of standard deviation 1.</summary>
    private static readonly FrozenDictionary<GgmlType, (int Offset, float Value)[]> s_scales = new Dictionary<GgmlType, (int, float)[]>
    {
        [GgmlType.Q4_0] = [(0, 1 / 4.6f)],
        [GgmlType.Q4_1] = [(0, 1 / 4.6f), (2, -7.5f / 4.6f)],
        [GgmlType.Q5_0] = [(0, 1 / 9.2f)],
        [GgmlType.Q5_1] = [(0, 1 / 9.2f), (2, -15.5f / 9.2f)],
        [GgmlType.Q8_0] = [(0, 1 / 74f)],
        [GgmlType.Q2_K] = [(80, 1 / 13f), (82, 1.5f / 13)],
        [GgmlType.Q3_K] = [(108, 1 / 43f)],
        [GgmlType.Q4_K] = [(0, 1 / 250f), (2, 7.5f / 250)],
        [GgmlType.Q5_K] = [(0, 1 / 500f), (2, 15.5f / 500)],
        [GgmlType.Q6_K] = [(208, 1 / 1370f)],
        [GgmlType.IQ2_XXS] = [(0, 1 / 60f)],
        [GgmlType.IQ2_XS] = [(0, 1 / 60f)],
        [GgmlType.IQ2_S] = [(0, 1 / 60f)],
        [GgmlType.IQ3_XXS] = [(0, 1 / 140f)],
        [GgmlType.IQ3_S] = [(0, 1 / 140f)],
        [GgmlType.IQ1_S] = [(0, 1 / 7f)],
        [GgmlType.IQ4_NL] = [(0, 1 / 69f)],
        [GgmlType.IQ4_XS] = [(0, 1 / 1280f)],
        [GgmlType.TQ1_0] = [(52, 1.2f)],
        [GgmlType.TQ2_0] = [(64, 0.9f)],
        [GgmlType.Q1_0] = [(0, 1)],
        [GgmlType.Q2_0] = [(0, 0.8f)],
    }.ToFrozenDictionary();

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

    /// <summary>Whether blocks of the type can be made.</summary>
    public static bool Knows(GgmlType type) =>
        type is GgmlType.F32 or GgmlType.F16 or GgmlType.BF16 or GgmlType.MXFP4 or GgmlType.NVFP4 or GgmlType.IQ1_M
            || s_scales.ContainsKey(type);

    /// <summary>Fills with random bytes.</summary>
    public void Fill(Span<byte> bytes) => _random.NextBytes(bytes);

    /// <summary>Fills whole blocks.</summary>
    /// <param name="type">Their type.</param>
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
        int blockBytes = GgmlTypes.Get(type).BlockBytes;
        (int Offset, float Value)[] scales = s_scales.TryGetValue(type, out (int, float)[]? found) ? found : [];
        for (int at = 0; at < bytes.Length; at += blockBytes)
        {
            Span<byte> block = bytes.Slice(at, blockBytes);
            foreach ((int offset, float value) in scales)
                BinaryPrimitives.WriteHalfLittleEndian(block[offset..], (Half)(value * deviation));
            if (type == GgmlType.MXFP4) block[0] = (byte)Math.Clamp(128 + (int)MathF.Round(MathF.Log2(deviation / 6.4f)), 1, 254);
            else if (type == GgmlType.NVFP4) block[..4].Fill(0x38); // 1 before halving; real files scale the product once more.
            else if (type == GgmlType.IQ1_M) SetSpreadScale(block.Slice(48, 8), (Half)(deviation / 7));
        }
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

    /// <summary>IQ1_M keeps its scale in the top 4 bits of four 16-bit words.</summary>
    private static void SetSpreadScale(Span<byte> words, Half scale)
    {
        ushort bits = BitConverter.HalfToUInt16Bits(scale);
        for (int i = 0; i < 4; i++) words[(2 * i) + 1] = (byte)((words[(2 * i) + 1] & 0x0F) | (((bits >> (4 * i)) & 15) << 4));
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
