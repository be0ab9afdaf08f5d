using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using QuantBench.Formats.Gguf;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>
/// Products of repacked rows with one token's 8-bit inputs: 16 rows at a time. Kernels are compiled once and fully: in steps, the first
/// tokens would take several times as long.
/// </summary>
internal static unsafe class RepackedDot
{
    // A step has so many instructions that few loads of the next ones are on their way at once, and at a page's end the processor stops
    // looking ahead: asked for early, Q4_K's weights arrive 10 to 14 % faster. Beyond the matrix' end nothing happens.
    private const int Ahead = 4096;

    /// <summary>Products of some rows with one token.</summary>
    /// <param name="weights">A repacked matrix.</param>
    /// <param name="first">First row; a multiple of 16.</param>
    /// <param name="rows">Number of rows; a multiple of 16.</param>
    /// <param name="inputs">The tokens.</param>
    /// <param name="token">Which token.</param>
    /// <param name="output">Row r goes to element r.</param>
    public static void Rows(WeightMatrix weights, int first, int rows, Activations inputs, int token, float* output)
    {
        long panelBytes = RepackedRows.PanelBytes(weights);
        sbyte* x = inputs.Bytes + ((long)token * inputs.Stride);
        float* d = inputs.Scales + ((long)token * inputs.BlockStride);
        float* sums = inputs.Sums + ((long)token * inputs.BlockStride);
        float* halfSums = inputs.HalfSums + ((long)token * inputs.BlockStride * 2);
        for (int row = first; row < first + rows; row += IntegerPanels.Rows)
        {
            byte* panel = weights.Repacked + (row / IntegerPanels.Rows * panelBytes);
            Vector512<float> result = weights.Type switch
            {
                GgmlType.Q4_0 => Q4_0(panel, weights.Columns, x, d, sums),
                GgmlType.Q4_K => Q4_K(panel, weights.Columns, x, d, sums),
                _ => Q6_K(panel, weights.Columns, x, d, halfSums),
            };
            result.Store(output + row);
        }
    }

    /// <summary>Sixteen unsigned bytes as floats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Unsigned16(byte* bytes) =>
        Avx512F.ConvertToVector512Single(Avx512F.ConvertToVector512Int32(Vector128.Load(bytes)));

    /// <summary>Sixteen signed bytes as floats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Signed16(sbyte* bytes) =>
        Avx512F.ConvertToVector512Single(Avx512F.ConvertToVector512Int32(Vector128.Load(bytes)));

    /// <summary>Panel vector g of 32 columns of Q6_K.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> SixBit(byte* group, int g)
    {
        Vector512<ushort> packed = Vector512.Load(group + (64 * (g % 4))).AsUInt16();
        Vector512<ushort> pairs = Vector512.Load(group + RepackedRows.NibbleBytes + (64 * (g / 4))).AsUInt16();
        pairs = (g % 4) switch
        {
            0 => Vector512.ShiftLeft(pairs, 4),
            1 => Vector512.ShiftLeft(pairs, 2),
            2 => pairs,
            _ => Vector512.ShiftRightLogical(pairs, 2),
        };
        if (g >= 4) packed = Vector512.ShiftRightLogical(packed, 4);
        return (packed.AsByte() & Vector512.Create((byte)0x0F)) | (pairs.AsByte() & Vector512.Create((byte)0x30));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static Vector512<float> Q4_0(byte* panel, int columns, sbyte* x, float* d, float* sums)
    {
        Vector512<float> result = default, least = default;
        for (int i = 0; i < columns / 32; i++)
        {
            Vector512<float> scale = Halves.Widen16((ushort*)panel);
            Fetch(panel, RepackedRows.Q4_0Bytes);
            result = Avx512F.FusedMultiplyAdd(Nibbles32(panel + 32, x), scale * Vector512.Create(d[i]), result);
            least = Avx512F.FusedMultiplyAdd(scale, Vector512.Create(sums[i]), least);
            panel += RepackedRows.Q4_0Bytes;
            x += 32;
        }

        return result - (least * 8f);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static Vector512<float> Q4_K(byte* panel, int columns, sbyte* x, float* d, float* sums)
    {
        Vector512<float> result = default;
        for (int i = 0; i < columns / 256; i++)
        {
            Vector512<float> scaled = default, least = default;
            byte* quants = panel + RepackedRows.Q4_KHeader;
            Fetch(panel, RepackedRows.Q4_KHeader);
            for (int j = 0; j < 8; j++)
            {
                Fetch(quants, RepackedRows.NibbleBytes);
                scaled = Avx512F.FusedMultiplyAdd(Nibbles32(quants, x), Unsigned16(panel + 64 + (16 * j)) * Vector512.Create(d[j]), scaled);
                least = Avx512F.FusedMultiplyAdd(Unsigned16(panel + 192 + (16 * j)), Vector512.Create(sums[j]), least);
                quants += RepackedRows.NibbleBytes;
                x += 32;
            }

            result = Avx512F.FusedMultiplyAdd(Halves.Widen16((ushort*)panel), scaled, result);
            result = Avx512F.FusedMultiplyAddNegated(Halves.Widen16((ushort*)panel + 16), least, result);
            panel += RepackedRows.Q4_KBytes;
            d += 8;
            sums += 8;
        }

        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static Vector512<float> Q6_K(byte* panel, int columns, sbyte* x, float* d, float* halfSums)
    {
        Vector512<float> result = default;
        for (int i = 0; i < columns / 256; i++)
        {
            Vector512<float> scaled = default, least = default;
            byte* group = panel + RepackedRows.Q6_KHeader;
            Fetch(panel, RepackedRows.Q6_KHeader);
            for (int j = 0; j < 8; j++)
            {
                Fetch(group, RepackedRows.Q6_KGroup);
                Vector512<float> input = Vector512.Create(d[j]);
                Vector512<float> low = Signed16((sbyte*)panel + 32 + (32 * j)), high = Signed16((sbyte*)panel + 48 + (32 * j));
                scaled = Avx512F.FusedMultiplyAdd(
                    Sums16(SixBit(group, 0), SixBit(group, 1), SixBit(group, 2), SixBit(group, 3), x), low * input, scaled);
                scaled = Avx512F.FusedMultiplyAdd(
                    Sums16(SixBit(group, 4), SixBit(group, 5), SixBit(group, 6), SixBit(group, 7), x + 16), high * input, scaled);
                least = Avx512F.FusedMultiplyAdd(low, Vector512.Create(halfSums[2 * j]), least);
                least = Avx512F.FusedMultiplyAdd(high, Vector512.Create(halfSums[(2 * j) + 1]), least);
                group += RepackedRows.Q6_KGroup;
                x += 32;
            }

            result = Avx512F.FusedMultiplyAdd(Halves.Widen16((ushort*)panel), scaled - (least * 32f), result);
            panel += RepackedRows.Q6_KBytes;
            d += 8;
            halfSums += 16;
        }

        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fetch(byte* at, int bytes)
    {
        for (int i = 0; i < bytes; i += 64) Sse.Prefetch0(at + Ahead + i);
    }

    /// <summary>Integer sums of 32 columns of nibbles: eight products of at most 3,810 fit a 16-bit sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Nibbles32(byte* quants, sbyte* x)
    {
        Vector512<byte> mask = Vector512.Create((byte)0x0F);
        Vector512<ushort> p0 = Vector512.Load(quants).AsUInt16(), p1 = Vector512.Load(quants + 64).AsUInt16();
        Vector512<ushort> p2 = Vector512.Load(quants + 128).AsUInt16(), p3 = Vector512.Load(quants + 192).AsUInt16();
        Vector512<short> low = Step(p0.AsByte() & mask, x) + Step(p1.AsByte() & mask, x + 4)
            + (Step(p2.AsByte() & mask, x + 8) + Step(p3.AsByte() & mask, x + 12));
        Vector512<short> high = Step(Vector512.ShiftRightLogical(p0, 4).AsByte() & mask, x + 16)
            + Step(Vector512.ShiftRightLogical(p1, 4).AsByte() & mask, x + 20)
            + (Step(Vector512.ShiftRightLogical(p2, 4).AsByte() & mask, x + 24)
                + Step(Vector512.ShiftRightLogical(p3, 4).AsByte() & mask, x + 28));
        return Avx512F.ConvertToVector512Single(Avx512BW.MultiplyAddAdjacent(low + high, Vector512.Create((short)1)));
    }

    /// <summary>Integer sums of 16 columns of numbers up to 63: two products fit a 16-bit sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Sums16(Vector512<byte> w0, Vector512<byte> w1, Vector512<byte> w2, Vector512<byte> w3, sbyte* x)
    {
        Vector512<short> ones = Vector512.Create((short)1);
        Vector512<int> low = Avx512BW.MultiplyAddAdjacent(Step(w0, x) + Step(w1, x + 4), ones);
        return Avx512F.ConvertToVector512Single(low + Avx512BW.MultiplyAddAdjacent(Step(w2, x + 8) + Step(w3, x + 12), ones));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Step(Vector512<byte> w, sbyte* x) =>
        Avx512BW.MultiplyAddAdjacent(w, Vector512.Create(*(int*)x).AsSByte());
}
