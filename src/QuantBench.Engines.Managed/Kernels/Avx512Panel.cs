using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Panels times tokens with 512-bit vectors: a whole panel, four tokens at a time, the weights of a sub-block held in
/// registers.</summary>
internal unsafe struct Avx512Panel : IPanel
{
    static int IPanel.Tokens => 4;

    static void IPanel.Unpack<TBlock>(WeightMatrix weights, int first, int rows, WorkerScratch scratch)
    {
        if (weights.Repacked is not null) RepackedRows.Unpack(weights, first / IntegerPanels.Rows, scratch);
        else IntegerPanels.Unpack<TBlock>(weights, first, rows, scratch);
    }

    static void IPanel.Tile<TBlock>(int columns, WorkerScratch scratch, Activations inputs, int token, int last, float* tile)
    {
        int t1 = Math.Min(token + 1, last), t2 = Math.Min(token + 2, last), t3 = Math.Min(token + 3, last);
        if (TBlock.Signed) Signed(columns, scratch, inputs, token, t1, t2, t3, tile);
        else Unsigned<TBlock>(columns, scratch, inputs, token, t1, t2, t3, tile);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Unsigned<TBlock>(int columns, WorkerScratch scratch, Activations inputs, int t0, int t1, int t2, int t3,
        float* tile)
        where TBlock : struct, IWeightBlock
    {
        byte* panel = scratch.Panel;
        float* scales = scratch.Scales;
        float* minima = scratch.Minima;
        sbyte* x0 = inputs.Bytes + ((long)t0 * inputs.Stride), x1 = inputs.Bytes + ((long)t1 * inputs.Stride);
        sbyte* x2 = inputs.Bytes + ((long)t2 * inputs.Stride), x3 = inputs.Bytes + ((long)t3 * inputs.Stride);
        float* d0 = inputs.Scales + ((long)t0 * inputs.BlockStride), d1 = inputs.Scales + ((long)t1 * inputs.BlockStride);
        float* d2 = inputs.Scales + ((long)t2 * inputs.BlockStride), d3 = inputs.Scales + ((long)t3 * inputs.BlockStride);
        float* sums = TBlock.SubElements == 32 ? inputs.Sums : inputs.HalfSums;
        long sumStride = inputs.BlockStride * (32 / TBlock.SubElements);
        float* s0 = sums + (t0 * sumStride), s1 = sums + (t1 * sumStride), s2 = sums + (t2 * sumStride), s3 = sums + (t3 * sumStride);
        Vector512<float> r0 = default, r1 = default, r2 = default, r3 = default;
        for (int i = 0; i < columns; i += TBlock.SubElements)
        {
            Vector512<byte> w0 = Vector512.Load(panel), w1 = Vector512.Load(panel + 64);
            Vector512<byte> w2 = Vector512.Load(panel + 128), w3 = Vector512.Load(panel + 192);
            Vector512<byte> w4 = default, w5 = default, w6 = default, w7 = default;
            if (TBlock.SubElements == 32)
            {
                w4 = Vector512.Load(panel + 256);
                w5 = Vector512.Load(panel + 320);
                w6 = Vector512.Load(panel + 384);
                w7 = Vector512.Load(panel + 448);
            }

            Vector512<float> scale = Vector512.Load(scales), minimum = Vector512.Load(minima);
            int block = i / 32, sub = i / TBlock.SubElements;
            r0 = Avx512F.FusedMultiplyAdd(Sub<TBlock>(w0, w1, w2, w3, w4, w5, w6, w7, x0 + i), scale * Vector512.Create(d0[block]), r0);
            r0 = Avx512F.FusedMultiplyAdd(minimum, Vector512.Create(s0[sub]), r0);
            r1 = Avx512F.FusedMultiplyAdd(Sub<TBlock>(w0, w1, w2, w3, w4, w5, w6, w7, x1 + i), scale * Vector512.Create(d1[block]), r1);
            r1 = Avx512F.FusedMultiplyAdd(minimum, Vector512.Create(s1[sub]), r1);
            r2 = Avx512F.FusedMultiplyAdd(Sub<TBlock>(w0, w1, w2, w3, w4, w5, w6, w7, x2 + i), scale * Vector512.Create(d2[block]), r2);
            r2 = Avx512F.FusedMultiplyAdd(minimum, Vector512.Create(s2[sub]), r2);
            r3 = Avx512F.FusedMultiplyAdd(Sub<TBlock>(w0, w1, w2, w3, w4, w5, w6, w7, x3 + i), scale * Vector512.Create(d3[block]), r3);
            r3 = Avx512F.FusedMultiplyAdd(minimum, Vector512.Create(s3[sub]), r3);
            panel += TBlock.SubElements * IntegerPanels.Rows;
            scales += IntegerPanels.Rows;
            minima += IntegerPanels.Rows;
        }

        r0.Store(tile);
        r1.Store(tile + 16);
        r2.Store(tile + 32);
        r3.Store(tile + 48);
    }

    /// <summary>Integer sums of one sub-block: 16 rows, one token.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Sub<TBlock>(
        Vector512<byte> w0, Vector512<byte> w1, Vector512<byte> w2, Vector512<byte> w3,
        Vector512<byte> w4, Vector512<byte> w5, Vector512<byte> w6, Vector512<byte> w7, sbyte* x)
        where TBlock : struct, IWeightBlock
    {
        if (TBlock.SubElements == 16) return Avx512F.ConvertToVector512Single(Sums16<TBlock>(w0, w1, w2, w3, x));
        if (TBlock.Largest > 15)
            return Avx512F.ConvertToVector512Single(Sums16<TBlock>(w0, w1, w2, w3, x) + Sums16<TBlock>(w4, w5, w6, w7, x + 16));

        // 15 · 127 · 2 · 8 fits 16 bits.
        Vector512<short> low = Step(w0, x) + Step(w1, x + 4) + (Step(w2, x + 8) + Step(w3, x + 12));
        Vector512<short> high = Step(w4, x + 16) + Step(w5, x + 20) + (Step(w6, x + 24) + Step(w7, x + 28));
        return Avx512F.ConvertToVector512Single(Avx512BW.MultiplyAddAdjacent(low + high, Vector512.Create((short)1)));
    }

    /// <summary>Integer sums of 16 columns: as many products are added in 16 bits as can't overflow them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Sums16<TBlock>(Vector512<byte> w0, Vector512<byte> w1, Vector512<byte> w2, Vector512<byte> w3, sbyte* x)
        where TBlock : struct, IWeightBlock
    {
        Vector512<short> ones = Vector512.Create((short)1);
        Vector512<short> p0 = Step(w0, x), p1 = Step(w1, x + 4), p2 = Step(w2, x + 8), p3 = Step(w3, x + 12);
        if (TBlock.Largest <= 31) return Avx512BW.MultiplyAddAdjacent(p0 + p1 + (p2 + p3), ones);
        if (TBlock.Largest <= 63) return Avx512BW.MultiplyAddAdjacent(p0 + p1, ones) + Avx512BW.MultiplyAddAdjacent(p2 + p3, ones);
        return Avx512BW.MultiplyAddAdjacent(p0, ones) + Avx512BW.MultiplyAddAdjacent(p1, ones)
            + (Avx512BW.MultiplyAddAdjacent(p2, ones) + Avx512BW.MultiplyAddAdjacent(p3, ones));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Step(Vector512<byte> w, sbyte* x) =>
        Avx512BW.MultiplyAddAdjacent(w, Vector512.Create(*(int*)x).AsSByte());

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Signed(int columns, WorkerScratch scratch, Activations inputs, int t0, int t1, int t2, int t3, float* tile)
    {
        short* panel = (short*)scratch.Panel;
        float* scales = scratch.Scales;
        short* x0 = inputs.Wide + ((long)t0 * inputs.Stride), x1 = inputs.Wide + ((long)t1 * inputs.Stride);
        short* x2 = inputs.Wide + ((long)t2 * inputs.Stride), x3 = inputs.Wide + ((long)t3 * inputs.Stride);
        float* d0 = inputs.Scales + ((long)t0 * inputs.BlockStride), d1 = inputs.Scales + ((long)t1 * inputs.BlockStride);
        float* d2 = inputs.Scales + ((long)t2 * inputs.BlockStride), d3 = inputs.Scales + ((long)t3 * inputs.BlockStride);
        Vector512<float> r0 = default, r1 = default, r2 = default, r3 = default;
        for (int block = 0; block < columns / 32; block++)
        {
            Vector512<int> i0 = default, i1 = default, i2 = default, i3 = default;
            for (int pair = 0; pair < 32; pair += 4)
            {
                Vector512<short> w = Vector512.Load(panel), v = Vector512.Load(panel + 32);
                i0 += Pair(w, x0 + pair) + Pair(v, x0 + pair + 2);
                i1 += Pair(w, x1 + pair) + Pair(v, x1 + pair + 2);
                i2 += Pair(w, x2 + pair) + Pair(v, x2 + pair + 2);
                i3 += Pair(w, x3 + pair) + Pair(v, x3 + pair + 2);
                panel += 64;
            }

            x0 += 32;
            x1 += 32;
            x2 += 32;
            x3 += 32;
            Vector512<float> scale = Vector512.Load(scales);
            r0 = Avx512F.FusedMultiplyAdd(Avx512F.ConvertToVector512Single(i0), scale * Vector512.Create(d0[block]), r0);
            r1 = Avx512F.FusedMultiplyAdd(Avx512F.ConvertToVector512Single(i1), scale * Vector512.Create(d1[block]), r1);
            r2 = Avx512F.FusedMultiplyAdd(Avx512F.ConvertToVector512Single(i2), scale * Vector512.Create(d2[block]), r2);
            r3 = Avx512F.FusedMultiplyAdd(Avx512F.ConvertToVector512Single(i3), scale * Vector512.Create(d3[block]), r3);
            scales += IntegerPanels.Rows;
        }

        r0.Store(tile);
        r1.Store(tile + 16);
        r2.Store(tile + 32);
        r3.Store(tile + 48);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Pair(Vector512<short> w, short* x) =>
        Avx512BW.MultiplyAddAdjacent(w, Vector512.Create(*(int*)x).AsInt16());
}
