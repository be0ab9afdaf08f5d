using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuantBench.Formats.Mlx;

/// <summary>
/// The affine code of MLX. Quants of a row form one little-endian stream of bits, quant k at bits k·<c>bits</c> onwards; 3, 5 and 6 bits
/// cross byte and word borders. Sources: the quantization section of MLX's documentation, and its CPU back end for rounding.
/// </summary>
public static class MlxAffine
{
    /// <summary>A group whose values are closer together than this has this step, so that nothing is divided by zero.</summary>
    private const float SmallestScale = 1e-7f;

    /// <summary>Bytes of the packed quants of a row.</summary>
    /// <param name="columns">Elements of the row, a multiple of 32.</param>
    /// <param name="bits">Bits per quant.</param>
    public static int PackedBytes(int columns, int bits) => checked((int)((long)columns * bits / 8));

    /// <summary>Packs quants.</summary>
    /// <param name="quants">[n], n a multiple of 8, each below 2^bits.</param>
    /// <param name="bits">2, 3, 4, 5, 6 or 8.</param>
    /// <param name="packed">[n · bits / 8] receives the stream.</param>
    /// <exception cref="ArgumentException">The lengths don't fit each other.</exception>
    public static void Pack(ReadOnlySpan<byte> quants, int bits, Span<byte> packed)
    {
        CheckShape(quants.Length, bits, packed.Length);

        // 8 quants are a whole number of bytes at any width.
        for (int i = 0; i < quants.Length / 8; i++)
        {
            ulong stream = 0;
            for (int k = 0; k < 8; k++) stream |= (ulong)quants[8 * i + k] << (bits * k);
            for (int b = 0; b < bits; b++) packed[bits * i + b] = (byte)(stream >> (8 * b));
        }
    }

    /// <summary>Unpacks quants.</summary>
    /// <param name="packed">[n · bits / 8], n a multiple of 8.</param>
    /// <param name="bits">2, 3, 4, 5, 6 or 8.</param>
    /// <param name="quants">[n] receives the quants.</param>
    /// <exception cref="ArgumentException">The lengths don't fit each other.</exception>
    public static void Unpack(ReadOnlySpan<byte> packed, int bits, Span<byte> quants)
    {
        CheckShape(quants.Length, bits, packed.Length);
        ulong mask = Mask(bits);
        int groups = quants.Length / 8;
        for (int i = 0; i < groups; i++)
        {
            ulong stream = ReadStream(packed, bits * i, bits);
            ulong spread = Bmi2.X64.IsSupported ? Bmi2.X64.ParallelBitDeposit(stream, mask) : Spread(stream, bits);
            BinaryPrimitives.WriteUInt64LittleEndian(quants[(8 * i)..], spread);
        }
    }

    /// <summary>Decodes a row: <c>q · scale + bias</c> in single precision, rounded after each operation.</summary>
    /// <param name="packed">Packed quants of the row.</param>
    /// <param name="scales">One per group; may be negative.</param>
    /// <param name="biases">One per group.</param>
    /// <param name="quantization">Bits and group size.</param>
    /// <param name="output">[columns] receives the weights; a whole number of groups.</param>
    /// <exception cref="ArgumentException">The lengths don't fit each other.</exception>
    public static void DequantizeRow(
        ReadOnlySpan<byte> packed, ReadOnlySpan<float> scales, ReadOnlySpan<float> biases, MlxQuantization quantization, Span<float> output)
    {
        int groups = CheckRow(output.Length, scales.Length, biases.Length, quantization);
        CheckShape(output.Length, quantization.Bits, packed.Length);
        Span<byte> quants = stackalloc byte[128];
        quants = quants[..quantization.GroupSize];
        int groupBytes = quantization.GroupSize * quantization.Bits / 8;
        for (int g = 0; g < groups; g++)
        {
            Unpack(packed.Slice(g * groupBytes, groupBytes), quantization.Bits, quants);
            ref float values = ref MemoryMarshal.GetReference(output.Slice(g * quantization.GroupSize, quantization.GroupSize));
            ref byte first = ref MemoryMarshal.GetReference(quants);
            for (int i = 0; i < quantization.GroupSize; i += 16)
            {
                Blocks.Lanes.Store(Vector128.LoadUnsafe(ref first, (nuint)i), scales[g], biases[g], ref Unsafe.Add(ref values, i));
            }
        }
    }

    /// <summary>
    /// Encodes a row as MLX does: the value of largest magnitude of a group becomes a quant's exact value, and so, if the range holds it,
    /// does zero.
    /// </summary>
    /// <param name="row">[columns], finite; a whole number of groups.</param>
    /// <param name="quantization">Bits and group size.</param>
    /// <param name="packed">Receives the packed quants.</param>
    /// <param name="scales">Receives one scale per group, not yet rounded to the type they are stored in; the quants belong to the
    /// unrounded ones.</param>
    /// <param name="biases">Receives one bias per group, likewise.</param>
    /// <exception cref="ArgumentException">The lengths don't fit each other.</exception>
    public static void QuantizeRow(ReadOnlySpan<float> row, MlxQuantization quantization, Span<byte> packed, Span<float> scales,
        Span<float> biases)
    {
        int groups = CheckRow(row.Length, scales.Length, biases.Length, quantization);
        CheckShape(row.Length, quantization.Bits, packed.Length);
        Span<byte> quants = stackalloc byte[128];
        quants = quants[..quantization.GroupSize];
        int groupBytes = quantization.GroupSize * quantization.Bits / 8;
        float largest = (1 << quantization.Bits) - 1;
        for (int g = 0; g < groups; g++)
        {
            ReadOnlySpan<float> group = row.Slice(g * quantization.GroupSize, quantization.GroupSize);
            (float scale, float bias) = Fit(group, largest);
            for (int i = 0; i < group.Length; i++) quants[i] = (byte)Math.Clamp(MathF.Round((group[i] - bias) / scale), 0, largest);
            Pack(quants, quantization.Bits, packed.Slice(g * groupBytes, groupBytes));
            scales[g] = scale;
            biases[g] = bias;
        }
    }

    private static (float Scale, float Bias) Fit(ReadOnlySpan<float> group, float largest)
    {
        float min = float.PositiveInfinity;
        float max = float.NegativeInfinity;
        foreach (float value in group)
        {
            min = MathF.Min(min, value);
            max = MathF.Max(max, value);
        }

        // Counting starts at the edge of larger magnitude, so the scale is negative when that is the upper one.
        bool fromBelow = MathF.Abs(min) > MathF.Abs(max);
        float scale = MathF.Max((max - min) / largest, SmallestScale);
        if (!fromBelow) scale = -scale;
        float edge = fromBelow ? min : max;
        float stepsToZero = MathF.Round(edge / scale);
        return stepsToZero == 0 ? (scale, 0) : (edge / stepsToZero, edge);
    }

    /// <summary>The bytes of 8 quants as one number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong ReadStream(ReadOnlySpan<byte> packed, int at, int bits)
    {
        if (at + 8 <= packed.Length) return BinaryPrimitives.ReadUInt64LittleEndian(packed[at..]) & (ulong.MaxValue >> (64 - 8 * bits));
        ulong stream = 0;
        for (int b = 0; b < bits; b++) stream |= (ulong)packed[at + b] << (8 * b);
        return stream;
    }

    private static ulong Spread(ulong stream, int bits)
    {
        ulong spread = 0;
        for (int k = 0; k < 8; k++) spread |= (stream >> (bits * k) & ((1ul << bits) - 1)) << (8 * k);
        return spread;
    }

    private static ulong Mask(int bits) => 0x0101_0101_0101_0101ul * ((1ul << bits) - 1);

    private static int CheckRow(int columns, int scales, int biases, MlxQuantization quantization)
    {
        (int groups, int rest) = Math.DivRem(columns, quantization.GroupSize);
        if (rest != 0) throw new ArgumentException($"{columns} columns are not a whole number of groups of {quantization.GroupSize}.");
        if (scales != groups || biases != groups)
            throw new ArgumentException($"{groups} groups need as many scales and biases, not {scales} and {biases}.");
        return groups;
    }

    private static void CheckShape(int quants, int bits, int packedBytes)
    {
        if (!MlxQuantization.IsBits(bits)) throw new ArgumentOutOfRangeException(nameof(bits), bits, "2, 3, 4, 5, 6 or 8");
        if (quants % 8 != 0) throw new ArgumentException($"{quants} quants are not a multiple of 8.");
        if ((long)quants * bits / 8 != packedBytes)
        {
            throw new ArgumentException($"{quants} quants of {bits} bits take {(long)quants * bits / 8} bytes, not {packedBytes}.");
        }
    }
}
