using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Panels times tokens with 256-bit vectors: half a panel, two tokens at a time.</summary>
internal unsafe struct Avx2Panel : IPanel
{
    static int IPanel.Tokens => 2;

    static void IPanel.Unpack<TBlock>(WeightMatrix weights, int first, int rows, WorkerScratch scratch) =>
        IntegerPanels.Unpack<TBlock>(weights, first, rows, scratch);

    static void IPanel.Tile<TBlock>(int columns, WorkerScratch scratch, Activations inputs, int token, int last, float* tile)
    {
        int other = Math.Min(token + 1, last);
        for (int half = 0; half < 2; half++)
        {
            if (TBlock.Signed) Signed(columns, half, scratch, inputs, token, other, tile + (half * 8));
            else Unsigned<TBlock>(columns, half, scratch, inputs, token, other, tile + (half * 8));
        }
    }

    private static void Unsigned<TBlock>(int columns, int half, WorkerScratch scratch, Activations inputs, int token, int other,
        float* tile)
        where TBlock : struct, IWeightBlock
    {
        byte* panel = scratch.Panel + (half * 32);
        float* scales = scratch.Scales + (half * 8);
        float* minima = scratch.Minima + (half * 8);
        sbyte* x0 = inputs.Bytes + ((long)token * inputs.Stride);
        sbyte* x1 = inputs.Bytes + ((long)other * inputs.Stride);
        float* d0 = inputs.Scales + ((long)token * inputs.BlockStride);
        float* d1 = inputs.Scales + ((long)other * inputs.BlockStride);
        float* sums = TBlock.SubElements == 32 ? inputs.Sums : inputs.HalfSums;
        int perBlock = 32 / TBlock.SubElements;
        float* s0 = sums + ((long)token * inputs.BlockStride * perBlock);
        float* s1 = sums + ((long)other * inputs.BlockStride * perBlock);
        Vector256<float> r0 = default, r1 = default;
        for (int i = 0; i < columns; i += TBlock.SubElements)
        {
            Vector256<float> scale = Vector256.Load(scales), minimum = Vector256.Load(minima);
            int block = i / 32, sub = i / TBlock.SubElements;
            r0 = Fma.MultiplyAdd(Sub<TBlock>(panel, x0 + i) * Vector256.Create(d0[block]), scale, r0);
            r0 = Fma.MultiplyAdd(minimum, Vector256.Create(s0[sub]), r0);
            r1 = Fma.MultiplyAdd(Sub<TBlock>(panel, x1 + i) * Vector256.Create(d1[block]), scale, r1);
            r1 = Fma.MultiplyAdd(minimum, Vector256.Create(s1[sub]), r1);
            panel += TBlock.SubElements * IntegerPanels.Rows;
            scales += IntegerPanels.Rows;
            minima += IntegerPanels.Rows;
        }

        r0.Store(tile);
        r1.Store(tile + IntegerPanels.Rows);
    }

    /// <summary>Integer sums of one sub-block: 8 rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Sub<TBlock>(byte* panel, sbyte* x)
        where TBlock : struct, IWeightBlock
    {
        if (TBlock.SubElements == 16) return Avx.ConvertToVector256Single(Sums16<TBlock>(panel, x));
        if (TBlock.Largest > 15) return Avx.ConvertToVector256Single(Sums16<TBlock>(panel, x) + Sums16<TBlock>(panel + 256, x + 16));

        // 15 · 127 · 2 · 8 fits 16 bits.
        Vector256<short> low = Step(panel, x) + Step(panel + 64, x + 4) + (Step(panel + 128, x + 8) + Step(panel + 192, x + 12));
        Vector256<short> high = Step(panel + 256, x + 16) + Step(panel + 320, x + 20)
            + (Step(panel + 384, x + 24) + Step(panel + 448, x + 28));
        return Avx.ConvertToVector256Single(Avx2.MultiplyAddAdjacent(low + high, Vector256.Create((short)1)));
    }

    /// <summary>Integer sums of 16 columns: as many products are added in 16 bits as can't overflow them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Sums16<TBlock>(byte* panel, sbyte* x)
        where TBlock : struct, IWeightBlock
    {
        Vector256<short> ones = Vector256.Create((short)1);
        Vector256<short> p0 = Step(panel, x), p1 = Step(panel + 64, x + 4), p2 = Step(panel + 128, x + 8), p3 = Step(panel + 192, x + 12);
        if (TBlock.Largest <= 31) return Avx2.MultiplyAddAdjacent(p0 + p1 + (p2 + p3), ones);
        if (TBlock.Largest <= 63) return Avx2.MultiplyAddAdjacent(p0 + p1, ones) + Avx2.MultiplyAddAdjacent(p2 + p3, ones);
        return Avx2.MultiplyAddAdjacent(p0, ones) + Avx2.MultiplyAddAdjacent(p1, ones)
            + (Avx2.MultiplyAddAdjacent(p2, ones) + Avx2.MultiplyAddAdjacent(p3, ones));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Step(byte* panel, sbyte* x) =>
        Avx2.MultiplyAddAdjacent(Vector256.Load(panel), Vector256.Create(*(int*)x).AsSByte());

    private static void Signed(int columns, int half, WorkerScratch scratch, Activations inputs, int token, int other, float* tile)
    {
        short* panel = (short*)scratch.Panel + (half * 16);
        float* scales = scratch.Scales + (half * 8);
        short* x0 = inputs.Wide + ((long)token * inputs.Stride);
        short* x1 = inputs.Wide + ((long)other * inputs.Stride);
        float* d0 = inputs.Scales + ((long)token * inputs.BlockStride);
        float* d1 = inputs.Scales + ((long)other * inputs.BlockStride);
        Vector256<float> r0 = default, r1 = default;
        for (int block = 0; block < columns / 32; block++)
        {
            Vector256<int> i0 = default, i1 = default;
            for (int pair = 0; pair < 16; pair++)
            {
                Vector256<short> w = Vector256.Load(panel);
                i0 += Avx2.MultiplyAddAdjacent(w, Vector256.Create(*(int*)x0).AsInt16());
                i1 += Avx2.MultiplyAddAdjacent(w, Vector256.Create(*(int*)x1).AsInt16());
                x0 += 2;
                x1 += 2;
                panel += 2 * IntegerPanels.Rows;
            }

            Vector256<float> scale = Vector256.Load(scales);
            r0 = Fma.MultiplyAdd(Avx.ConvertToVector256Single(i0) * Vector256.Create(d0[block]), scale, r0);
            r1 = Fma.MultiplyAdd(Avx.ConvertToVector256Single(i1) * Vector256.Create(d1[block]), scale, r1);
            scales += IntegerPanels.Rows;
        }

        r0.Store(tile);
        r1.Store(tile + IntegerPanels.Rows);
    }
}
