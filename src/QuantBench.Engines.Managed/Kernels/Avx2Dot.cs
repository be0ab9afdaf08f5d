using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using QuantBench.Formats.Gguf;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Products of quantized rows with one token's 8-bit inputs, 32 elements at a time. Used where few tokens share a row.</summary>
internal static unsafe class Avx2Dot
{
    /// <summary>Whether the type has an integer kernel.</summary>
    public static bool Knows(GgmlType type) => IntegerPanels.Knows(type);

    /// <summary>Products of some rows with one token.</summary>
    /// <param name="weights">The matrix.</param>
    /// <param name="first">First row.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="inputs">The tokens.</param>
    /// <param name="token">Which token.</param>
    /// <param name="output">Row r goes to element r.</param>
    public static void Rows(WeightMatrix weights, int first, int rows, Activations inputs, int token, float* output)
    {
        switch (weights.Type)
        {
            case GgmlType.Q4_0: Rows32<BlockQ4_0>(weights, first, rows, inputs, token, output); break;
            case GgmlType.Q4_1: Rows32<BlockQ4_1>(weights, first, rows, inputs, token, output); break;
            case GgmlType.Q5_0: Rows32<BlockQ5_0>(weights, first, rows, inputs, token, output); break;
            case GgmlType.Q5_1: Rows32<BlockQ5_1>(weights, first, rows, inputs, token, output); break;
            case GgmlType.Q8_0: Rows32<BlockQ8_0>(weights, first, rows, inputs, token, output); break;
            case GgmlType.IQ4_NL: Rows32<BlockIQ4_NL>(weights, first, rows, inputs, token, output); break;
            case GgmlType.MXFP4: Rows32<BlockMXFP4>(weights, first, rows, inputs, token, output); break;
            case GgmlType.Q2_K: Rows<BlockQ2_K>(weights, first, rows, inputs, token, output); break;
            case GgmlType.Q3_K: Rows<BlockQ3_K>(weights, first, rows, inputs, token, output); break;
            case GgmlType.Q4_K: Rows<BlockQ4_K>(weights, first, rows, inputs, token, output); break;
            case GgmlType.Q5_K: Rows<BlockQ5_K>(weights, first, rows, inputs, token, output); break;
            case GgmlType.Q6_K: Rows<BlockQ6_K>(weights, first, rows, inputs, token, output); break;
            case GgmlType.IQ4_XS: Rows<BlockIQ4_XS>(weights, first, rows, inputs, token, output); break;
            case GgmlType.TQ1_0: Rows<BlockTQ1_0>(weights, first, rows, inputs, token, output); break;
            case GgmlType.TQ2_0: Rows<BlockTQ2_0>(weights, first, rows, inputs, token, output); break;
            case GgmlType.IQ1_S: CodebookDot.Rows<BlockIQ1_S>(weights, first, rows, inputs, token, output); break;
            case GgmlType.IQ1_M: CodebookDot.Rows<BlockIQ1_M>(weights, first, rows, inputs, token, output); break;
            case GgmlType.IQ2_XXS: CodebookDot.Rows<BlockIQ2_XXS>(weights, first, rows, inputs, token, output); break;
            case GgmlType.IQ2_XS: CodebookDot.Rows<BlockIQ2_XS>(weights, first, rows, inputs, token, output); break;
            case GgmlType.IQ2_S: CodebookDot.Rows<BlockIQ2_S>(weights, first, rows, inputs, token, output); break;
            case GgmlType.IQ3_XXS: CodebookDot.Rows<BlockIQ3_XXS>(weights, first, rows, inputs, token, output); break;
            case GgmlType.IQ3_S: CodebookDot.Rows<BlockIQ3_S>(weights, first, rows, inputs, token, output); break;
            case GgmlType.NVFP4: RowsBetween<BlockNVFP4>(weights, first, rows, inputs, token, output); break;
            case GgmlType.Q1_0: RowsBetween<BlockQ1_0>(weights, first, rows, inputs, token, output); break;
            case GgmlType.Q2_0: RowsBetween<BlockQ2_0>(weights, first, rows, inputs, token, output); break;
            default: throw new ArgumentOutOfRangeException(nameof(weights), weights.Type, "no integer kernel");
        }
    }

    private static void Rows32<TBlock>(WeightMatrix weights, int first, int rows, Activations inputs, int token, float* output)
        where TBlock : struct, IWeightBlock32
    {
        sbyte* q = inputs.Bytes + ((long)token * inputs.Stride);
        float* d = inputs.Scales + ((long)token * inputs.BlockStride);
        float* sums = inputs.Sums + ((long)token * inputs.BlockStride);
        for (int row = first; row < first + rows; row++) output[row] = Row32<TBlock>(weights.Row(row), weights.Columns, q, d, sums);
    }

    private static void Rows<TBlock>(WeightMatrix weights, int first, int rows, Activations inputs, int token, float* output)
        where TBlock : struct, IWeightBlock
    {
        sbyte* q = inputs.Bytes + ((long)token * inputs.Stride);
        float* d = inputs.Scales + ((long)token * inputs.BlockStride);
        float* sums = TBlock.SubElements == 32
            ? inputs.Sums + ((long)token * inputs.BlockStride)
            : inputs.HalfSums + ((long)token * inputs.BlockStride * 2);
        for (int row = first; row < first + rows; row++) output[row] = Row256<TBlock>(weights.Row(row), weights.Columns, q, d, sums);
    }

    private static void RowsBetween<TBlock>(WeightMatrix weights, int first, int rows, Activations inputs, int token, float* output)
        where TBlock : struct, IWeightBlock
    {
        sbyte* q = inputs.Bytes + ((long)token * inputs.Stride);
        float* d = inputs.Scales + ((long)token * inputs.BlockStride);
        float* sums = TBlock.SubElements == 32
            ? inputs.Sums + ((long)token * inputs.BlockStride)
            : inputs.HalfSums + ((long)token * inputs.BlockStride * 2);
        for (int row = first; row < first + rows; row++) output[row] = RowBetween<TBlock>(weights.Row(row), weights.Columns, q, d, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Products<TBlock>(Vector256<byte> weights, sbyte* inputs)
        where TBlock : struct, IWeightBlock
    {
        Vector256<sbyte> x = Vector256.Load(inputs);
        if (TBlock.Signed)
        {
            // One factor must be unsigned: |w| · (x with w's sign). −128 becomes 128 as an unsigned byte, so nothing is lost.
            x = Avx2.Sign(x, weights.AsSByte());
            weights = Avx2.Abs(weights.AsSByte());
        }

        return Steps.Sums8(weights, x);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Row32<TBlock>(byte* row, int columns, sbyte* q, float* d, float* sums)
        where TBlock : struct, IWeightBlock32
    {
        Vector256<float> s0 = default, s1 = default, least = default;
        float* scales = stackalloc float[8];
        int blocks = columns / 32;
        int i = 0;
        for (; i <= blocks - 8; i += 8)
        {
            TBlock.Scales8(row, out Vector256<float> scale8, out Vector256<float> minimum8);
            (scale8 * Vector256.Load(d + i)).Store(scales);
            if (!TBlock.Signed) least = Fma.MultiplyAdd(minimum8, Vector256.Load(sums + i), least);
            s0 = Fma.MultiplyAdd(Products<TBlock>(TBlock.Quants(row, 0), q), Vector256.Create(scales[0]), s0);
            s1 = Fma.MultiplyAdd(Products<TBlock>(TBlock.Quants(row + TBlock.Bytes, 0), q + 32), Vector256.Create(scales[1]), s1);
            s0 = Fma.MultiplyAdd(Products<TBlock>(TBlock.Quants(row + (2 * TBlock.Bytes), 0), q + 64), Vector256.Create(scales[2]), s0);
            s1 = Fma.MultiplyAdd(Products<TBlock>(TBlock.Quants(row + (3 * TBlock.Bytes), 0), q + 96), Vector256.Create(scales[3]), s1);
            s0 = Fma.MultiplyAdd(Products<TBlock>(TBlock.Quants(row + (4 * TBlock.Bytes), 0), q + 128), Vector256.Create(scales[4]), s0);
            s1 = Fma.MultiplyAdd(Products<TBlock>(TBlock.Quants(row + (5 * TBlock.Bytes), 0), q + 160), Vector256.Create(scales[5]), s1);
            s0 = Fma.MultiplyAdd(Products<TBlock>(TBlock.Quants(row + (6 * TBlock.Bytes), 0), q + 192), Vector256.Create(scales[6]), s0);
            s1 = Fma.MultiplyAdd(Products<TBlock>(TBlock.Quants(row + (7 * TBlock.Bytes), 0), q + 224), Vector256.Create(scales[7]), s1);
            row += 8 * TBlock.Bytes;
            q += 256;
        }

        float rest = 0;
        for (; i < blocks; i++)
        {
            float scale, minimum;
            TBlock.Scales(row, &scale, &minimum);
            s0 = Fma.MultiplyAdd(Products<TBlock>(TBlock.Quants(row, 0), q), Vector256.Create(scale * d[i]), s0);
            if (!TBlock.Signed) rest += minimum * sums[i];
            row += TBlock.Bytes;
            q += 32;
        }

        return Vector256.Sum(s0 + s1 + least) + rest;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Row256<TBlock>(byte* row, int columns, sbyte* q, float* d, float* sums)
        where TBlock : struct, IWeightBlock
    {
        Vector256<float> s0 = default, s1 = default, least = default;
        float* scales = stackalloc float[16];
        float* minima = stackalloc float[16];
        for (int i = 0; i < columns / 256; i++)
        {
            TBlock.Scales(row, scales, minima);
            Vector256<float> inputScales = Vector256.Load(d);
            if (TBlock.SubElements == 32)
            {
                if (!TBlock.Signed) least = Fma.MultiplyAdd(Vector256.Load(minima), Vector256.Load(sums), least);
                (Vector256.Load(scales) * inputScales).Store(scales);
                sums += 8;
            }
            else
            {
                least = Fma.MultiplyAdd(Vector256.Load(minima), Vector256.Load(sums), least);
                least = Fma.MultiplyAdd(Vector256.Load(minima + 8), Vector256.Load(sums + 8), least);
                (Vector256.Load(scales) * Avx2.PermuteVar8x32(inputScales, Vector256.Create(0, 0, 1, 1, 2, 2, 3, 3))).Store(scales);
                (Vector256.Load(scales + 8) * Avx2.PermuteVar8x32(inputScales, Vector256.Create(4, 4, 5, 5, 6, 6, 7, 7))).Store(scales + 8);
                sums += 16;
            }

            s0 = Fma.MultiplyAdd(Products<TBlock>(TBlock.Quants(row, 0), q), Scale<TBlock>(scales, 0), s0);
            s1 = Fma.MultiplyAdd(Products<TBlock>(TBlock.Quants(row, 1), q + 32), Scale<TBlock>(scales, 1), s1);
            s0 = Fma.MultiplyAdd(Products<TBlock>(TBlock.Quants(row, 2), q + 64), Scale<TBlock>(scales, 2), s0);
            s1 = Fma.MultiplyAdd(Products<TBlock>(TBlock.Quants(row, 3), q + 96), Scale<TBlock>(scales, 3), s1);
            s0 = Fma.MultiplyAdd(Products<TBlock>(TBlock.Quants(row, 4), q + 128), Scale<TBlock>(scales, 4), s0);
            s1 = Fma.MultiplyAdd(Products<TBlock>(TBlock.Quants(row, 5), q + 160), Scale<TBlock>(scales, 5), s1);
            s0 = Fma.MultiplyAdd(Products<TBlock>(TBlock.Quants(row, 6), q + 192), Scale<TBlock>(scales, 6), s0);
            s1 = Fma.MultiplyAdd(Products<TBlock>(TBlock.Quants(row, 7), q + 224), Scale<TBlock>(scales, 7), s1);
            row += TBlock.Bytes;
            q += 256;
            d += 8;
        }

        return Vector256.Sum(s0 + s1 + least);
    }

    /// <summary>Blocks of 64 or 128 elements with two or four scales.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float RowBetween<TBlock>(byte* row, int columns, sbyte* q, float* d, float* sums)
        where TBlock : struct, IWeightBlock
    {
        Vector256<float> s0 = default, s1 = default;
        Vector128<float> least = default;
        float* scales = stackalloc float[4];
        float* minima = stackalloc float[4];
        int subs = TBlock.Elements / TBlock.SubElements;
        for (int i = 0; i < columns; i += TBlock.Elements)
        {
            TBlock.Scales(row, scales, minima);

            // Two scales are half a vector: the other half is zero.
            least = subs == 4
                ? Fma.MultiplyAdd(Vector128.Load(minima), Vector128.Load(sums), least)
                : Fma.MultiplyAdd(Vector128.CreateScalar(*(double*)minima).AsSingle(), Vector128.CreateScalar(*(double*)sums).AsSingle(),
                    least);
            s0 = Fma.MultiplyAdd(Products<TBlock>(TBlock.Quants(row, 0), q), Scale<TBlock>(scales, 0) * Vector256.Create(d[0]), s0);
            s1 = Fma.MultiplyAdd(Products<TBlock>(TBlock.Quants(row, 1), q + 32), Scale<TBlock>(scales, 1) * Vector256.Create(d[1]), s1);
            if (TBlock.Elements == 128)
            {
                s0 = Fma.MultiplyAdd(Products<TBlock>(TBlock.Quants(row, 2), q + 64), Scale<TBlock>(scales, 2) * Vector256.Create(d[2]),
                    s0);
                s1 = Fma.MultiplyAdd(Products<TBlock>(TBlock.Quants(row, 3), q + 96), Scale<TBlock>(scales, 3) * Vector256.Create(d[3]),
                    s1);
            }

            row += TBlock.Bytes;
            q += TBlock.Elements;
            d += TBlock.Elements / 32;
            sums += subs;
        }

        return Vector256.Sum(s0 + s1) + Vector128.Sum(least);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Scale<TBlock>(float* scales, int group)
        where TBlock : struct, IWeightBlock =>
        TBlock.SubElements == 32
            ? Vector256.Create(scales[group])
            : Vector256.Create(Vector128.Create(scales[2 * group]), Vector128.Create(scales[(2 * group) + 1]));
}
