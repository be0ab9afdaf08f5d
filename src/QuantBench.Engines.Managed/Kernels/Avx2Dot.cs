using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Products of quantized rows with one token's 8-bit inputs, 32 elements at a time. Used where few tokens share a row.</summary>
internal static unsafe class Avx2Dot
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Bytes256 Quants<TBlock>(byte* block, int group)
        where TBlock : struct, IWeightBlock => TBlock.Quants<Bytes256>(block, group, 0);

    /// <summary>A group's scale in the lanes that it belongs to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Scale<TBlock>(float* scales, int group)
        where TBlock : struct, IWeightBlock =>
        TBlock.SubElements == 32
            ? Vector256.Create(scales[group])
            : Vector256.Create(Vector128.Create(scales[2 * group]), Vector128.Create(scales[(2 * group) + 1]));

    /// <summary>Eight blocks of 32 elements at a time.</summary>
    /// <typeparam name="TBlock">The type.</typeparam>
    public struct Blocks32<TBlock> : IDot
        where TBlock : struct, IWeightBlock32
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        static float IDot.Row(byte* row, byte* entries, int columns, sbyte* q, float* d, float* sums)
        {
            Vector256<float> s0 = default, s1 = default, least = default;
            float* scales = stackalloc float[8];
            int blocks = columns / 32;
            int i = 0;
            for (; i <= blocks - 8; i += 8)
            {
                Scales32.Read<TBlock, Floats256>(row, out Floats256 scale8, out Floats256 minimum8);
                (scale8.Value * Vector256.Load(d + i)).Store(scales);
                if (!TBlock.Signed) least = Fma.MultiplyAdd(minimum8.Value, Vector256.Load(sums + i), least);
                s0 = Add(row, 0, q, scales[0], s0);
                s1 = Add(row, 1, q, scales[1], s1);
                s0 = Add(row, 2, q, scales[2], s0);
                s1 = Add(row, 3, q, scales[3], s1);
                s0 = Add(row, 4, q, scales[4], s0);
                s1 = Add(row, 5, q, scales[5], s1);
                s0 = Add(row, 6, q, scales[6], s0);
                s1 = Add(row, 7, q, scales[7], s1);
                row += 8 * TBlock.Bytes;
                q += 256;
            }

            float rest = 0;
            for (; i < blocks; i++)
            {
                float scale, minimum;
                TBlock.Scales(row, &scale, &minimum);
                s0 = Add(row, 0, q, scale * d[i], s0);
                if (!TBlock.Signed) rest += minimum * sums[i];
                row += TBlock.Bytes;
                q += 32;
            }

            return Vector256.Sum(s0 + s1 + least) + rest;
        }

        /// <summary>Adds the products of one block of several.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<float> Add(byte* blocks, int block, sbyte* q, float scale, Vector256<float> sums) => Fma.MultiplyAdd(
            PlainGroup<TBlock>.Products(Quants<TBlock>(blocks + (block * TBlock.Bytes), 0), q + (32 * block)), Vector256.Create(scale),
            sums);
    }

    /// <summary>Blocks of 256 elements.</summary>
    /// <typeparam name="TBlock">The type.</typeparam>
    /// <typeparam name="TGroup">How 32 elements are multiplied.</typeparam>
    public struct Superblocks<TBlock, TGroup> : IDot
        where TBlock : struct, IWeightBlock
        where TGroup : struct, IGroup
    {
        static byte* IDot.Entries => TGroup.Entries;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        static float IDot.Row(byte* row, byte* entries, int columns, sbyte* q, float* d, float* sums)
        {
            Vector256<float> s0 = default, s1 = default, least = default;
            float* scales = stackalloc float[16];
            float* minima = stackalloc float[16];
            uint* room = stackalloc uint[8];
            for (int i = 0; i < columns / 256; i++)
            {
                uint* signs = TGroup.Signs(row, room);
                TBlock.Scales(row, scales, minima);
                Vector256<float> inputs = Vector256.Load(d);
                if (TGroup.HasMinima) least = Fma.MultiplyAdd(Vector256.Load(minima), Vector256.Load(sums), least);
                if (TBlock.SubElements == 32)
                {
                    (Vector256.Load(scales) * inputs).Store(scales);
                    sums += 8;
                }
                else
                {
                    if (TGroup.HasMinima) least = Fma.MultiplyAdd(Vector256.Load(minima + 8), Vector256.Load(sums + 8), least);
                    (Vector256.Load(scales) * Avx2.PermuteVar8x32(inputs, Vector256.Create(0, 0, 1, 1, 2, 2, 3, 3))).Store(scales);
                    (Vector256.Load(scales + 8) * Avx2.PermuteVar8x32(inputs, Vector256.Create(4, 4, 5, 5, 6, 6, 7, 7))).Store(scales + 8);
                    sums += 16;
                }

                s0 = Fma.MultiplyAdd(TGroup.Products(row, entries, 0, signs, q), Scale<TBlock>(scales, 0), s0);
                s1 = Fma.MultiplyAdd(TGroup.Products(row, entries, 1, signs, q), Scale<TBlock>(scales, 1), s1);
                s0 = Fma.MultiplyAdd(TGroup.Products(row, entries, 2, signs, q), Scale<TBlock>(scales, 2), s0);
                s1 = Fma.MultiplyAdd(TGroup.Products(row, entries, 3, signs, q), Scale<TBlock>(scales, 3), s1);
                s0 = Fma.MultiplyAdd(TGroup.Products(row, entries, 4, signs, q), Scale<TBlock>(scales, 4), s0);
                s1 = Fma.MultiplyAdd(TGroup.Products(row, entries, 5, signs, q), Scale<TBlock>(scales, 5), s1);
                s0 = Fma.MultiplyAdd(TGroup.Products(row, entries, 6, signs, q), Scale<TBlock>(scales, 6), s0);
                s1 = Fma.MultiplyAdd(TGroup.Products(row, entries, 7, signs, q), Scale<TBlock>(scales, 7), s1);
                row += TBlock.Bytes;
                q += 256;
                d += 8;
            }

            return Vector256.Sum(s0 + s1 + least);
        }
    }

    /// <summary>Blocks of 64 or 128 elements with two or four scales.</summary>
    /// <typeparam name="TBlock">The type.</typeparam>
    public struct Between<TBlock> : IDot
        where TBlock : struct, IWeightBlock
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        static float IDot.Row(byte* row, byte* entries, int columns, sbyte* q, float* d, float* sums)
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
                    : Fma.MultiplyAdd(
                        Vector128.CreateScalar(*(double*)minima).AsSingle(), Vector128.CreateScalar(*(double*)sums).AsSingle(), least);
                s0 = Fma.MultiplyAdd(
                    PlainGroup<TBlock>.Products(Quants<TBlock>(row, 0), q), Scale<TBlock>(scales, 0) * Vector256.Create(d[0]), s0);
                s1 = Fma.MultiplyAdd(
                    PlainGroup<TBlock>.Products(Quants<TBlock>(row, 1), q + 32), Scale<TBlock>(scales, 1) * Vector256.Create(d[1]), s1);
                if (TBlock.Elements == 128)
                {
                    s0 = Fma.MultiplyAdd(
                        PlainGroup<TBlock>.Products(Quants<TBlock>(row, 2), q + 64), Scale<TBlock>(scales, 2) * Vector256.Create(d[2]), s0);
                    s1 = Fma.MultiplyAdd(
                        PlainGroup<TBlock>.Products(Quants<TBlock>(row, 3), q + 96), Scale<TBlock>(scales, 3) * Vector256.Create(d[3]), s1);
                }

                row += TBlock.Bytes;
                q += TBlock.Elements;
                d += TBlock.Elements / 32;
                sums += subs;
            }

            return Vector256.Sum(s0 + s1) + Vector128.Sum(least);
        }
    }
}
