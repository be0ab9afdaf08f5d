using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>
/// Products of quantized rows with one token's 8-bit inputs. Four sub-blocks' integer sums become the lanes of one vector by pairwise
/// additions, so that one conversion and one multiply-add serve all four.
/// </summary>
internal static unsafe class NeonDot
{
    /// <summary>q of 16 elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Quants<TBlock>(byte* block, int piece)
        where TBlock : struct, IWeightBlock => TBlock.Quants<Bytes128>(block, piece / 2, 16 * (piece % 2)).Signed;

    /// <summary>Products of four 32-element blocks, one per lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Four<TBlock>(byte* row, sbyte* q)
        where TBlock : struct, IWeightBlock =>
        NarrowSteps.Sums(
            Group<TBlock>(row, 0, q),
            Group<TBlock>(row + TBlock.Bytes, 0, q + 32),
            Group<TBlock>(row + (2 * TBlock.Bytes), 0, q + 64),
            Group<TBlock>(row + (3 * TBlock.Bytes), 0, q + 96));

    /// <summary>Products of four groups of 32 of a superblock, one per lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Groups<TBlock>(byte* block, int group, sbyte* q)
        where TBlock : struct, IWeightBlock =>
        Vector128.ConvertToSingle(NarrowSteps.Sums(
            Group<TBlock>(block, group, q),
            Group<TBlock>(block, group + 1, q + 32),
            Group<TBlock>(block, group + 2, q + 64),
            Group<TBlock>(block, group + 3, q + 96)));

    /// <summary>Products of four pieces of 16 of a superblock, one per lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Pieces<TBlock>(byte* block, int piece, sbyte* q)
        where TBlock : struct, IWeightBlock =>
        Vector128.ConvertToSingle(NarrowSteps.Sums(
            NarrowSteps.Dot4(default, Quants<TBlock>(block, piece), Vector128.Load(q)),
            NarrowSteps.Dot4(default, Quants<TBlock>(block, piece + 1), Vector128.Load(q + 16)),
            NarrowSteps.Dot4(default, Quants<TBlock>(block, piece + 2), Vector128.Load(q + 32)),
            NarrowSteps.Dot4(default, Quants<TBlock>(block, piece + 3), Vector128.Load(q + 48))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Group<TBlock>(byte* block, int group, sbyte* q)
        where TBlock : struct, IWeightBlock =>
        NarrowSteps.Dot4(
            NarrowSteps.Dot4(default, Quants<TBlock>(block, 2 * group), Vector128.Load(q)), Quants<TBlock>(block, (2 * group) + 1),
            Vector128.Load(q + 16));

    /// <summary>Eight blocks of 32 elements at a time.</summary>
    /// <typeparam name="TBlock">The type.</typeparam>
    public struct Blocks32<TBlock> : IDot
        where TBlock : struct, IWeightBlock32
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        static float IDot.Row(byte* row, byte* entries, int columns, sbyte* q, float* d, float* sums)
        {
            Vector128<float> s0 = default, s1 = default, least = default;
            int blocks = columns / 32;
            int i = 0;
            for (; i <= blocks - 8; i += 8)
            {
                Scales32.Read<TBlock, Floats128>(row, out Floats128 scales, out Floats128 minima);
                s0 = Vector128.MultiplyAddEstimate(
                    Vector128.ConvertToSingle(Four<TBlock>(row, q)), scales.Value * Vector128.Load(d + i), s0);
                if (!TBlock.Signed) least = Vector128.MultiplyAddEstimate(minima.Value, Vector128.Load(sums + i), least);
                row += 4 * TBlock.Bytes;
                Scales32.Read<TBlock, Floats128>(row, out scales, out minima);
                s1 = Vector128.MultiplyAddEstimate(
                    Vector128.ConvertToSingle(Four<TBlock>(row, q + 128)), scales.Value * Vector128.Load(d + i + 4), s1);
                if (!TBlock.Signed) least = Vector128.MultiplyAddEstimate(minima.Value, Vector128.Load(sums + i + 4), least);
                row += 4 * TBlock.Bytes;
                q += 256;
            }

            float rest = 0;
            for (; i < blocks; i++)
            {
                float scale, minimum;
                TBlock.Scales(row, &scale, &minimum);
                rest += Vector128.Sum(Group<TBlock>(row, 0, q)) * (scale * d[i]);
                if (!TBlock.Signed) rest += minimum * sums[i];
                row += TBlock.Bytes;
                q += 32;
            }

            return Vector128.Sum(s0 + s1 + least) + rest;
        }
    }

    /// <summary>Blocks of 256 elements.</summary>
    /// <typeparam name="TBlock">The type.</typeparam>
    public struct Superblocks<TBlock> : IDot
        where TBlock : struct, IWeightBlock
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        static float IDot.Row(byte* row, byte* entries, int columns, sbyte* q, float* d, float* sums)
        {
            Vector128<float> s0 = default, s1 = default, least = default;
            float* scales = stackalloc float[16];
            float* minima = stackalloc float[16];
            for (int i = 0; i < columns / 256; i++)
            {
                TBlock.Scales(row, scales, minima);
                Vector128<float> d0 = Vector128.Load(d), d1 = Vector128.Load(d + 4);
                if (!TBlock.Signed)
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
    }
}
