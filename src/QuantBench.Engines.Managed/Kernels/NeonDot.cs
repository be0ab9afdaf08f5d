using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using QuantBench.Formats.Gguf;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>
/// Products of quantized rows with one token's 8-bit inputs. Four sub-blocks' integer sums become the lanes of one vector by pairwise
/// additions, so that one conversion and one multiply-add serve all four.
/// </summary>
internal static unsafe class NeonDot
{
    /// <summary>Whether the type has an integer kernel.</summary>
    public static bool Knows(GgmlType type) => type is GgmlType.Q4_0 or GgmlType.Q4_1 or GgmlType.Q5_0 or GgmlType.Q5_1 or GgmlType.Q8_0
        or GgmlType.Q2_K or GgmlType.Q3_K or GgmlType.Q4_K or GgmlType.Q5_K or GgmlType.Q6_K or GgmlType.IQ4_NL or GgmlType.IQ4_XS
        or GgmlType.MXFP4 or GgmlType.TQ1_0 or GgmlType.TQ2_0;

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
            case GgmlType.Q4_0: Rows32<NarrowQ4_0>(weights, first, rows, inputs, token, output); break;
            case GgmlType.Q4_1: Rows32<NarrowQ4_1>(weights, first, rows, inputs, token, output); break;
            case GgmlType.Q5_0: Rows32<NarrowQ5_0>(weights, first, rows, inputs, token, output); break;
            case GgmlType.Q5_1: Rows32<NarrowQ5_1>(weights, first, rows, inputs, token, output); break;
            case GgmlType.Q8_0: Rows32<NarrowQ8_0>(weights, first, rows, inputs, token, output); break;
            case GgmlType.IQ4_NL: Rows32<NarrowIQ4_NL>(weights, first, rows, inputs, token, output); break;
            case GgmlType.MXFP4: Rows32<NarrowMXFP4>(weights, first, rows, inputs, token, output); break;
            case GgmlType.Q2_K: Rows<NarrowQ2_K>(weights, first, rows, inputs, token, output); break;
            case GgmlType.Q3_K: Rows<NarrowQ3_K>(weights, first, rows, inputs, token, output); break;
            case GgmlType.Q4_K: Rows<NarrowQ4_K>(weights, first, rows, inputs, token, output); break;
            case GgmlType.Q5_K: Rows<NarrowQ5_K>(weights, first, rows, inputs, token, output); break;
            case GgmlType.Q6_K: Rows<NarrowQ6_K>(weights, first, rows, inputs, token, output); break;
            case GgmlType.IQ4_XS: Rows<NarrowIQ4_XS>(weights, first, rows, inputs, token, output); break;
            case GgmlType.TQ1_0: Rows<NarrowTQ1_0>(weights, first, rows, inputs, token, output); break;
            case GgmlType.TQ2_0: Rows<NarrowTQ2_0>(weights, first, rows, inputs, token, output); break;
            default: throw new ArgumentOutOfRangeException(nameof(weights), weights.Type, "no integer kernel");
        }
    }

    private static void Rows32<TBlock>(WeightMatrix weights, int first, int rows, Activations inputs, int token, float* output)
        where TBlock : struct, INarrowBlock32
    {
        sbyte* q = inputs.Bytes + ((long)token * inputs.Stride);
        float* d = inputs.Scales + ((long)token * inputs.BlockStride);
        float* sums = inputs.Sums + ((long)token * inputs.BlockStride);
        for (int row = first; row < first + rows; row++) output[row] = Row32<TBlock>(weights.Row(row), weights.Columns, q, d, sums);
    }

    private static void Rows<TBlock>(WeightMatrix weights, int first, int rows, Activations inputs, int token, float* output)
        where TBlock : struct, INarrowBlock
    {
        sbyte* q = inputs.Bytes + ((long)token * inputs.Stride);
        float* d = inputs.Scales + ((long)token * inputs.BlockStride);
        float* sums = TBlock.SubElements == 32
            ? inputs.Sums + ((long)token * inputs.BlockStride)
            : inputs.HalfSums + ((long)token * inputs.BlockStride * 2);
        for (int row = first; row < first + rows; row++) output[row] = Row256<TBlock>(weights.Row(row), weights.Columns, q, d, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Row32<TBlock>(byte* row, int columns, sbyte* q, float* d, float* sums)
        where TBlock : struct, INarrowBlock32
    {
        Vector128<float> s0 = default, s1 = default, least = default;
        int blocks = columns / 32;
        int i = 0;
        for (; i <= blocks - 8; i += 8)
        {
            TBlock.Scales4(row, out Vector128<float> scales, out Vector128<float> minima);
            s0 = Vector128.MultiplyAddEstimate(Vector128.ConvertToSingle(Four<TBlock>(row, q)), scales * Vector128.Load(d + i), s0);
            if (TBlock.HasMinima) least = Vector128.MultiplyAddEstimate(minima, Vector128.Load(sums + i), least);
            row += 4 * TBlock.Bytes;
            TBlock.Scales4(row, out scales, out minima);
            s1 = Vector128.MultiplyAddEstimate(Vector128.ConvertToSingle(Four<TBlock>(row, q + 128)), scales * Vector128.Load(d + i + 4),
                s1);
            if (TBlock.HasMinima) least = Vector128.MultiplyAddEstimate(minima, Vector128.Load(sums + i + 4), least);
            row += 4 * TBlock.Bytes;
            q += 256;
        }

        float rest = 0;
        for (; i < blocks; i++)
        {
            float scale, minimum;
            TBlock.Scales(row, &scale, &minimum);
            rest += Vector128.Sum(Group<TBlock>(row, 0, q)) * (scale * d[i]);
            if (TBlock.HasMinima) rest += minimum * sums[i];
            row += TBlock.Bytes;
            q += 32;
        }

        return Vector128.Sum(s0 + s1 + least) + rest;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Row256<TBlock>(byte* row, int columns, sbyte* q, float* d, float* sums)
        where TBlock : struct, INarrowBlock
    {
        Vector128<float> s0 = default, s1 = default, least = default;
        float* scales = stackalloc float[16];
        float* minima = stackalloc float[16];
        for (int i = 0; i < columns / 256; i++)
        {
            TBlock.Scales(row, scales, minima);
            Vector128<float> d0 = Vector128.Load(d), d1 = Vector128.Load(d + 4);
            if (TBlock.HasMinima)
            {
                least = Vector128.MultiplyAddEstimate(Vector128.Load(minima), Vector128.Load(sums), least);
                least = Vector128.MultiplyAddEstimate(Vector128.Load(minima + 4), Vector128.Load(sums + 4), least);
                if (TBlock.SubElements == 16)
                {
                    least = Vector128.MultiplyAddEstimate(Vector128.Load(minima + 8), Vector128.Load(sums + 8), least);
                    least = Vector128.MultiplyAddEstimate(Vector128.Load(minima + 12), Vector128.Load(sums + 12), least);
                }
            }

            if (TBlock.SubElements == 32)
            {
                s0 = Vector128.MultiplyAddEstimate(Groups<TBlock>(row, 0, q), Vector128.Load(scales) * d0, s0);
                s1 = Vector128.MultiplyAddEstimate(Groups<TBlock>(row, 4, q + 128), Vector128.Load(scales + 4) * d1, s1);
                sums += 8;
            }
            else
            {
                // Two sub-blocks share a block of inputs.
                s0 = Vector128.MultiplyAddEstimate(Pieces<TBlock>(row, 0, q),
                    Vector128.Load(scales) * Vector128.Shuffle(d0, Vector128.Create(0, 0, 1, 1)), s0);
                s1 = Vector128.MultiplyAddEstimate(Pieces<TBlock>(row, 4, q + 64),
                    Vector128.Load(scales + 4) * Vector128.Shuffle(d0, Vector128.Create(2, 2, 3, 3)), s1);
                s0 = Vector128.MultiplyAddEstimate(Pieces<TBlock>(row, 8, q + 128),
                    Vector128.Load(scales + 8) * Vector128.Shuffle(d1, Vector128.Create(0, 0, 1, 1)), s0);
                s1 = Vector128.MultiplyAddEstimate(Pieces<TBlock>(row, 12, q + 192),
                    Vector128.Load(scales + 12) * Vector128.Shuffle(d1, Vector128.Create(2, 2, 3, 3)), s1);
                sums += 16;
            }

            row += TBlock.Bytes;
            q += 256;
            d += 8;
        }

        return Vector128.Sum(s0 + s1 + least);
    }

    /// <summary>Products of four 32-element blocks, one per lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Four<TBlock>(byte* row, sbyte* q)
        where TBlock : struct, INarrowBlock =>
        NarrowSteps.Sums(
            Group<TBlock>(row, 0, q),
            Group<TBlock>(row + TBlock.Bytes, 0, q + 32),
            Group<TBlock>(row + (2 * TBlock.Bytes), 0, q + 64),
            Group<TBlock>(row + (3 * TBlock.Bytes), 0, q + 96));

    /// <summary>Products of four groups of 32 of a superblock, one per lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Groups<TBlock>(byte* block, int group, sbyte* q)
        where TBlock : struct, INarrowBlock =>
        Vector128.ConvertToSingle(NarrowSteps.Sums(
            Group<TBlock>(block, group, q),
            Group<TBlock>(block, group + 1, q + 32),
            Group<TBlock>(block, group + 2, q + 64),
            Group<TBlock>(block, group + 3, q + 96)));

    /// <summary>Products of four pieces of 16 of a superblock, one per lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Pieces<TBlock>(byte* block, int piece, sbyte* q)
        where TBlock : struct, INarrowBlock =>
        Vector128.ConvertToSingle(NarrowSteps.Sums(
            NarrowSteps.Dot4(default, TBlock.Quants(block, piece), Vector128.Load(q)),
            NarrowSteps.Dot4(default, TBlock.Quants(block, piece + 1), Vector128.Load(q + 16)),
            NarrowSteps.Dot4(default, TBlock.Quants(block, piece + 2), Vector128.Load(q + 32)),
            NarrowSteps.Dot4(default, TBlock.Quants(block, piece + 3), Vector128.Load(q + 48))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Group<TBlock>(byte* block, int group, sbyte* q)
        where TBlock : struct, INarrowBlock =>
        NarrowSteps.Dot4(
            NarrowSteps.Dot4(default, TBlock.Quants(block, 2 * group), Vector128.Load(q)), TBlock.Quants(block, (2 * group) + 1),
            Vector128.Load(q + 16));
}
