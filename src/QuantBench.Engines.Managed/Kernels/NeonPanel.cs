using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>
/// Products of quantized rows with many tokens. Sixteen rows are unpacked once: 64 bytes hold the same four columns of all of them, a row
/// per 32-bit lane. Eight rows and four tokens are then summed at once, eight vectors of integers and eight of floats, which with the
/// weights, inputs and scales fill the 32 registers.
/// </summary>
internal unsafe struct NeonPanel : IPanel
{
    private const int Rows = IntegerPanels.Rows;

    static int IPanel.Tokens => 4;

    // Rows behind the matrix' end repeat the last one.
    static void IPanel.Unpack<TBlock>(WeightMatrix weights, int first, int rows, WorkerScratch scratch)
    {
        for (int r = 0; r < Rows; r += 4)
        {
            byte* row0 = weights.Row(first + Math.Min(r, rows - 1)), row1 = weights.Row(first + Math.Min(r + 1, rows - 1));
            byte* row2 = weights.Row(first + Math.Min(r + 2, rows - 1)), row3 = weights.Row(first + Math.Min(r + 3, rows - 1));
            Unpack4<TBlock>(row0, row1, row2, row3, weights.Columns / TBlock.Elements, scratch.Panel + (4 * r));
            UnpackScales<TBlock>(row0, weights.Columns / TBlock.Elements, scratch.Scales + r, scratch.Minima + r);
            UnpackScales<TBlock>(row1, weights.Columns / TBlock.Elements, scratch.Scales + r + 1, scratch.Minima + r + 1);
            UnpackScales<TBlock>(row2, weights.Columns / TBlock.Elements, scratch.Scales + r + 2, scratch.Minima + r + 2);
            UnpackScales<TBlock>(row3, weights.Columns / TBlock.Elements, scratch.Scales + r + 3, scratch.Minima + r + 3);
        }
    }

    static void IPanel.Tile<TBlock>(int columns, WorkerScratch scratch, Activations inputs, int token, int last, float* tile)
    {
        Tile<TBlock>(columns, 0, scratch, inputs, token, last, tile);
        Tile<TBlock>(columns, 8, scratch, inputs, token, last, tile + 8);
    }

    private static void Unpack4<TBlock>(byte* row0, byte* row1, byte* row2, byte* row3, int blocks, byte* panel)
        where TBlock : struct, IWeightBlock
    {
        for (int i = 0; i < blocks; i++)
        {
            Piece<TBlock>(row0, row1, row2, row3, 0, panel);
            Piece<TBlock>(row0, row1, row2, row3, 1, panel);
            if (TBlock.Elements == 256)
            {
                // Numbers known to the compiler, so that no shift is decided while running.
                Piece<TBlock>(row0, row1, row2, row3, 2, panel);
                Piece<TBlock>(row0, row1, row2, row3, 3, panel);
                Piece<TBlock>(row0, row1, row2, row3, 4, panel);
                Piece<TBlock>(row0, row1, row2, row3, 5, panel);
                Piece<TBlock>(row0, row1, row2, row3, 6, panel);
                Piece<TBlock>(row0, row1, row2, row3, 7, panel);
                Piece<TBlock>(row0, row1, row2, row3, 8, panel);
                Piece<TBlock>(row0, row1, row2, row3, 9, panel);
                Piece<TBlock>(row0, row1, row2, row3, 10, panel);
                Piece<TBlock>(row0, row1, row2, row3, 11, panel);
                Piece<TBlock>(row0, row1, row2, row3, 12, panel);
                Piece<TBlock>(row0, row1, row2, row3, 13, panel);
                Piece<TBlock>(row0, row1, row2, row3, 14, panel);
                Piece<TBlock>(row0, row1, row2, row3, 15, panel);
            }

            row0 += TBlock.Bytes;
            row1 += TBlock.Bytes;
            row2 += TBlock.Bytes;
            row3 += TBlock.Bytes;
            panel += TBlock.Elements * Rows;
        }
    }

    /// <summary>Sixteen columns of four rows: a square of four-byte groups, transposed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Piece<TBlock>(byte* row0, byte* row1, byte* row2, byte* row3, int piece, byte* panel)
        where TBlock : struct, IWeightBlock
    {
        Vector128<int> a = NeonDot.Quants<TBlock>(row0, piece).AsInt32(), b = NeonDot.Quants<TBlock>(row1, piece).AsInt32();
        Vector128<int> c = NeonDot.Quants<TBlock>(row2, piece).AsInt32(), d = NeonDot.Quants<TBlock>(row3, piece).AsInt32();
        (Vector128<long> ab0, Vector128<long> ab1) = Zip(a, b);
        (Vector128<long> cd0, Vector128<long> cd1) = Zip(c, d);
        byte* target = panel + (piece * 16 * Rows);
        Vector128.Create(ab0.GetLower(), cd0.GetLower()).AsByte().Store(target);
        Vector128.Create(ab0.GetUpper(), cd0.GetUpper()).AsByte().Store(target + (4 * Rows));
        Vector128.Create(ab1.GetLower(), cd1.GetLower()).AsByte().Store(target + (8 * Rows));
        Vector128.Create(ab1.GetUpper(), cd1.GetUpper()).AsByte().Store(target + (12 * Rows));
    }

    /// <summary>Lanes of two vectors in turn: first halves, then second ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector128<long> Low, Vector128<long> High) Zip(Vector128<int> a, Vector128<int> b)
    {
        Vector128<int> even = Vector128.Create(-1, 0, -1, 0);
        Vector128<int> a0 = Vector128.Shuffle(a, Vector128.Create(0, 0, 1, 1)), b0 = Vector128.Shuffle(b, Vector128.Create(0, 0, 1, 1));
        Vector128<int> a1 = Vector128.Shuffle(a, Vector128.Create(2, 2, 3, 3)), b1 = Vector128.Shuffle(b, Vector128.Create(2, 2, 3, 3));
        return (Vector128.ConditionalSelect(even, a0, b0).AsInt64(), Vector128.ConditionalSelect(even, a1, b1).AsInt64());
    }

    private static void UnpackScales<TBlock>(byte* row, int blocks, float* scales, float* minima)
        where TBlock : struct, IWeightBlock
    {
        int subs = TBlock.Elements / TBlock.SubElements;
        float* s = stackalloc float[16];
        float* m = stackalloc float[16];
        for (int i = 0; i < blocks; i++)
        {
            TBlock.Scales(row, s, m);
            for (int k = 0; k < subs; k++)
            {
                scales[k * Rows] = s[k];
                if (!TBlock.Signed) minima[k * Rows] = m[k];
            }

            row += TBlock.Bytes;
            scales += subs * Rows;
            minima += subs * Rows;
        }
    }

    /// <summary>Eight rows and four tokens; tokens behind the last are the last one again.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile<TBlock>(int columns, int firstRow, WorkerScratch scratch, Activations inputs, int token, int last, float* tile)
        where TBlock : struct, IWeightBlock
    {
        sbyte* panel = (sbyte*)scratch.Panel + (4 * firstRow);
        float* scales = scratch.Scales + firstRow;
        float* minima = scratch.Minima + firstRow;
        long t0 = token, t1 = Math.Min(token + 1, last), t2 = Math.Min(token + 2, last), t3 = Math.Min(token + 3, last);
        sbyte* x0 = inputs.Bytes + (t0 * inputs.Stride), x1 = inputs.Bytes + (t1 * inputs.Stride);
        sbyte* x2 = inputs.Bytes + (t2 * inputs.Stride), x3 = inputs.Bytes + (t3 * inputs.Stride);
        float* d0 = inputs.Scales + (t0 * inputs.BlockStride), d1 = inputs.Scales + (t1 * inputs.BlockStride);
        float* d2 = inputs.Scales + (t2 * inputs.BlockStride), d3 = inputs.Scales + (t3 * inputs.BlockStride);
        float* sums = TBlock.SubElements == 32 ? inputs.Sums : inputs.HalfSums;
        long sumStride = (long)inputs.BlockStride * (32 / TBlock.SubElements);
        float* m0 = sums + (t0 * sumStride), m1 = sums + (t1 * sumStride), m2 = sums + (t2 * sumStride), m3 = sums + (t3 * sumStride);
        Vector128<float> f00 = default, f01 = default, f10 = default, f11 = default, f20 = default, f21 = default, f30 = default,
            f31 = default;
        for (int i = 0; i < columns; i += TBlock.SubElements)
        {
            Vector128<int> s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default, s30 = default,
                s31 = default;
            for (int piece = i; piece < i + TBlock.SubElements; piece += 16)
            {
                Vector128<sbyte> a = Vector128.Load(x0 + piece), b = Vector128.Load(x1 + piece), c = Vector128.Load(x2 + piece),
                    e = Vector128.Load(x3 + piece);
                Vector128<sbyte> w0 = Vector128.Load(panel), w1 = Vector128.Load(panel + 16);
                s00 = NarrowSteps.Dot4(s00, w0, a, 0);
                s01 = NarrowSteps.Dot4(s01, w1, a, 0);
                s10 = NarrowSteps.Dot4(s10, w0, b, 0);
                s11 = NarrowSteps.Dot4(s11, w1, b, 0);
                s20 = NarrowSteps.Dot4(s20, w0, c, 0);
                s21 = NarrowSteps.Dot4(s21, w1, c, 0);
                s30 = NarrowSteps.Dot4(s30, w0, e, 0);
                s31 = NarrowSteps.Dot4(s31, w1, e, 0);
                w0 = Vector128.Load(panel + 64);
                w1 = Vector128.Load(panel + 80);
                s00 = NarrowSteps.Dot4(s00, w0, a, 1);
                s01 = NarrowSteps.Dot4(s01, w1, a, 1);
                s10 = NarrowSteps.Dot4(s10, w0, b, 1);
                s11 = NarrowSteps.Dot4(s11, w1, b, 1);
                s20 = NarrowSteps.Dot4(s20, w0, c, 1);
                s21 = NarrowSteps.Dot4(s21, w1, c, 1);
                s30 = NarrowSteps.Dot4(s30, w0, e, 1);
                s31 = NarrowSteps.Dot4(s31, w1, e, 1);
                w0 = Vector128.Load(panel + 128);
                w1 = Vector128.Load(panel + 144);
                s00 = NarrowSteps.Dot4(s00, w0, a, 2);
                s01 = NarrowSteps.Dot4(s01, w1, a, 2);
                s10 = NarrowSteps.Dot4(s10, w0, b, 2);
                s11 = NarrowSteps.Dot4(s11, w1, b, 2);
                s20 = NarrowSteps.Dot4(s20, w0, c, 2);
                s21 = NarrowSteps.Dot4(s21, w1, c, 2);
                s30 = NarrowSteps.Dot4(s30, w0, e, 2);
                s31 = NarrowSteps.Dot4(s31, w1, e, 2);
                w0 = Vector128.Load(panel + 192);
                w1 = Vector128.Load(panel + 208);
                s00 = NarrowSteps.Dot4(s00, w0, a, 3);
                s01 = NarrowSteps.Dot4(s01, w1, a, 3);
                s10 = NarrowSteps.Dot4(s10, w0, b, 3);
                s11 = NarrowSteps.Dot4(s11, w1, b, 3);
                s20 = NarrowSteps.Dot4(s20, w0, c, 3);
                s21 = NarrowSteps.Dot4(s21, w1, c, 3);
                s30 = NarrowSteps.Dot4(s30, w0, e, 3);
                s31 = NarrowSteps.Dot4(s31, w1, e, 3);
                panel += 16 * Rows;
            }

            int block = i / 32, sub = i / TBlock.SubElements;
            Vector128<float> scale0 = Vector128.Load(scales), scale1 = Vector128.Load(scales + 4);
            f00 = Vector128.MultiplyAddEstimate(Vector128.ConvertToSingle(s00) * d0[block], scale0, f00);
            f01 = Vector128.MultiplyAddEstimate(Vector128.ConvertToSingle(s01) * d0[block], scale1, f01);
            f10 = Vector128.MultiplyAddEstimate(Vector128.ConvertToSingle(s10) * d1[block], scale0, f10);
            f11 = Vector128.MultiplyAddEstimate(Vector128.ConvertToSingle(s11) * d1[block], scale1, f11);
            f20 = Vector128.MultiplyAddEstimate(Vector128.ConvertToSingle(s20) * d2[block], scale0, f20);
            f21 = Vector128.MultiplyAddEstimate(Vector128.ConvertToSingle(s21) * d2[block], scale1, f21);
            f30 = Vector128.MultiplyAddEstimate(Vector128.ConvertToSingle(s30) * d3[block], scale0, f30);
            f31 = Vector128.MultiplyAddEstimate(Vector128.ConvertToSingle(s31) * d3[block], scale1, f31);
            if (!TBlock.Signed)
            {
                Vector128<float> minimum0 = Vector128.Load(minima), minimum1 = Vector128.Load(minima + 4);
                f00 = Vector128.MultiplyAddEstimate(minimum0, Vector128.Create(m0[sub]), f00);
                f01 = Vector128.MultiplyAddEstimate(minimum1, Vector128.Create(m0[sub]), f01);
                f10 = Vector128.MultiplyAddEstimate(minimum0, Vector128.Create(m1[sub]), f10);
                f11 = Vector128.MultiplyAddEstimate(minimum1, Vector128.Create(m1[sub]), f11);
                f20 = Vector128.MultiplyAddEstimate(minimum0, Vector128.Create(m2[sub]), f20);
                f21 = Vector128.MultiplyAddEstimate(minimum1, Vector128.Create(m2[sub]), f21);
                f30 = Vector128.MultiplyAddEstimate(minimum0, Vector128.Create(m3[sub]), f30);
                f31 = Vector128.MultiplyAddEstimate(minimum1, Vector128.Create(m3[sub]), f31);
            }

            scales += Rows;
            minima += Rows;
        }

        f00.Store(tile);
        f01.Store(tile + 4);
        f10.Store(tile + Rows);
        f11.Store(tile + Rows + 4);
        f20.Store(tile + (2 * Rows));
        f21.Store(tile + (2 * Rows) + 4);
        f30.Store(tile + (3 * Rows));
        f31.Store(tile + (3 * Rows) + 4);
    }
}
