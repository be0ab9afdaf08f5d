using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Products of rows of codebook types with one token's 8-bit inputs, 32 elements at a time.</summary>
internal static unsafe class CodebookDot
{
    /// <summary>Products of some rows with one token.</summary>
    /// <typeparam name="TBlock">The type.</typeparam>
    /// <param name="weights">The matrix.</param>
    /// <param name="first">First row.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="inputs">The tokens.</param>
    /// <param name="token">Which token.</param>
    /// <param name="output">Row r goes to element r.</param>
    public static void Rows<TBlock>(WeightMatrix weights, int first, int rows, Activations inputs, int token, float* output)
        where TBlock : struct, ICodebookBlock
    {
        sbyte* q = inputs.Bytes + ((long)token * inputs.Stride);
        float* d = inputs.Scales + ((long)token * inputs.BlockStride);
        float* sums = TBlock.SubElements == 32
            ? inputs.Sums + ((long)token * inputs.BlockStride)
            : inputs.HalfSums + ((long)token * inputs.BlockStride * 2);
        byte* entries = TBlock.Entries;
        for (int row = first; row < first + rows; row++) output[row] = Row<TBlock>(weights.Row(row), entries, weights.Columns, q, d, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Row<TBlock>(byte* row, byte* entries, int columns, sbyte* q, float* d, float* sums)
        where TBlock : struct, ICodebookBlock
    {
        Vector256<float> s0 = default, s1 = default, least = default;
        float* scales = stackalloc float[16];
        float* minima = stackalloc float[16];
        uint* room = stackalloc uint[8];
        for (int i = 0; i < columns / 256; i++)
        {
            uint* signs = TBlock.Signs(row, room);
            TBlock.Scales(row, scales, minima);
            Vector256<float> inputScales = Vector256.Load(d);
            if (TBlock.SubElements == 32)
            {
                if (!TBlock.HasSigns) least = Fma.MultiplyAdd(Vector256.Load(minima), Vector256.Load(sums), least);
                (Vector256.Load(scales) * inputScales).Store(scales);
                sums += 8;
            }
            else
            {
                if (!TBlock.HasSigns)
                {
                    least = Fma.MultiplyAdd(Vector256.Load(minima), Vector256.Load(sums), least);
                    least = Fma.MultiplyAdd(Vector256.Load(minima + 8), Vector256.Load(sums + 8), least);
                }

                (Vector256.Load(scales) * Avx2.PermuteVar8x32(inputScales, Vector256.Create(0, 0, 1, 1, 2, 2, 3, 3))).Store(scales);
                (Vector256.Load(scales + 8) * Avx2.PermuteVar8x32(inputScales, Vector256.Create(4, 4, 5, 5, 6, 6, 7, 7))).Store(scales + 8);
                sums += 16;
            }

            s0 = Fma.MultiplyAdd(Products<TBlock>(row, entries, 0, signs, q), Scale<TBlock>(scales, 0), s0);
            s1 = Fma.MultiplyAdd(Products<TBlock>(row, entries, 1, signs, q), Scale<TBlock>(scales, 1), s1);
            s0 = Fma.MultiplyAdd(Products<TBlock>(row, entries, 2, signs, q), Scale<TBlock>(scales, 2), s0);
            s1 = Fma.MultiplyAdd(Products<TBlock>(row, entries, 3, signs, q), Scale<TBlock>(scales, 3), s1);
            s0 = Fma.MultiplyAdd(Products<TBlock>(row, entries, 4, signs, q), Scale<TBlock>(scales, 4), s0);
            s1 = Fma.MultiplyAdd(Products<TBlock>(row, entries, 5, signs, q), Scale<TBlock>(scales, 5), s1);
            s0 = Fma.MultiplyAdd(Products<TBlock>(row, entries, 6, signs, q), Scale<TBlock>(scales, 6), s0);
            s1 = Fma.MultiplyAdd(Products<TBlock>(row, entries, 7, signs, q), Scale<TBlock>(scales, 7), s1);
            row += TBlock.Bytes;
            q += 256;
            d += 8;
        }

        return Vector256.Sum(s0 + s1 + least);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Products<TBlock>(byte* block, byte* entries, int group, uint* signs, sbyte* inputs)
        where TBlock : struct, ICodebookBlock
    {
        Vector256<sbyte> x = Vector256.Load(inputs + (32 * group));
        if (TBlock.HasSigns) x = CodebookSteps.Negate(x, CodebookSteps.Mask(signs + group));
        return Steps.Sums8(TBlock.Levels(entries, block, group), x);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Scale<TBlock>(float* scales, int group)
        where TBlock : struct, ICodebookBlock =>
        TBlock.SubElements == 32
            ? Vector256.Create(scales[group])
            : Vector256.Create(Vector128.Create(scales[2 * group]), Vector128.Create(scales[(2 * group) + 1]));
}
