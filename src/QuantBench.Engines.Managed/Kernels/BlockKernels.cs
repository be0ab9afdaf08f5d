using System.Runtime.Intrinsics;
using QuantBench.Formats.Gguf;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>
/// The integer kernels of one block type, at every width. To add a type: a struct that reads its blocks, and a line in the table here that
/// says how its rows are walked. Types without a line are decoded to floats.
/// </summary>
internal abstract unsafe class BlockKernels
{
    private static readonly Dictionary<GgmlType, BlockKernels> s_all = new()
    {
        [GgmlType.Q4_0] = new Blocks32<BlockQ4_0>(),
        [GgmlType.Q4_1] = new Blocks32<BlockQ4_1>(),
        [GgmlType.Q5_0] = new Blocks32<BlockQ5_0>(),
        [GgmlType.Q5_1] = new Blocks32<BlockQ5_1>(),
        [GgmlType.Q8_0] = new Blocks32<BlockQ8_0>(),
        [GgmlType.IQ4_NL] = new Blocks32<BlockIQ4_NL>(),
        [GgmlType.MXFP4] = new Blocks32<BlockMXFP4>(),
        [GgmlType.Q2_K] = new Superblocks<BlockQ2_K>(),
        [GgmlType.Q3_K] = new Superblocks<BlockQ3_K>(),
        [GgmlType.Q4_K] = new Superblocks<BlockQ4_K>(),
        [GgmlType.Q5_K] = new Superblocks<BlockQ5_K>(),
        [GgmlType.Q6_K] = new Superblocks<BlockQ6_K>(),
        [GgmlType.IQ4_XS] = new Superblocks<BlockIQ4_XS>(),
        [GgmlType.TQ1_0] = new Superblocks<BlockTQ1_0>(),
        [GgmlType.TQ2_0] = new Superblocks<BlockTQ2_0>(),
        [GgmlType.IQ1_S] = new Codebook<BlockIQ1_S>(),
        [GgmlType.IQ1_M] = new Codebook<BlockIQ1_M>(),
        [GgmlType.IQ2_XXS] = new Codebook<BlockIQ2_XXS>(),
        [GgmlType.IQ2_XS] = new Codebook<BlockIQ2_XS>(),
        [GgmlType.IQ2_S] = new Codebook<BlockIQ2_S>(),
        [GgmlType.IQ3_XXS] = new Codebook<BlockIQ3_XXS>(),
        [GgmlType.IQ3_S] = new Codebook<BlockIQ3_S>(),
        [GgmlType.NVFP4] = new Between<BlockNVFP4>(),
        [GgmlType.Q1_0] = new Between<BlockQ1_0>(),
        [GgmlType.Q2_0] = new Between<BlockQ2_0>(),
    };

    // Asked once per product of a few microseconds, so found by position.
    private static readonly BlockKernels?[] s_byType =
        [.. Enumerable.Range(0, (int)s_all.Keys.Max() + 1).Select(type => s_all.GetValueOrDefault((GgmlType)type))];

    /// <summary>Whether quants are signed, so that panels of the wider sets hold 16-bit numbers.</summary>
    public abstract bool IsSigned { get; }

    /// <summary>Whether there are 128-bit kernels, which any processor runs; the others need AVX2.</summary>
    public abstract bool IsPortable { get; }

    /// <summary>The kernels of a type; null when it has none.</summary>
    public static BlockKernels? Of(GgmlType type) => (uint)type < (uint)s_byType.Length ? s_byType[(int)type] : null;

    /// <summary>Products of some rows with one token.</summary>
    /// <param name="bits">Width of the vectors: 128 or 256.</param>
    /// <param name="weights">The matrix.</param>
    /// <param name="first">First row.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="inputs">The tokens.</param>
    /// <param name="token">Which token.</param>
    /// <param name="output">Row r goes to element r.</param>
    public abstract void Rows(int bits, WeightMatrix weights, int first, int rows, Activations inputs, int token, float* output);

    /// <summary>Products of some rows with many tokens, with vectors of 128, 256 or 512 bits.</summary>
    /// <inheritdoc cref="KernelSet.Multiply"/>
    public abstract void Panels(
        int bits, WeightMatrix weights, int first, int rows, Activations inputs, int tokens, float* output, int stride,
        WorkerScratch scratch);

    private sealed class Blocks32<TBlock> : Kernels<TBlock, Avx2Dot.Blocks32<TBlock>, NeonDot.Blocks32<TBlock>>
        where TBlock : struct, IWeightBlock32;

    private sealed class Superblocks<TBlock> : Kernels<TBlock, Avx2Dot.Superblocks<TBlock, PlainGroup<TBlock>>, NeonDot.Superblocks<TBlock>>
        where TBlock : struct, IWeightBlock;

    private sealed class Codebook<TBlock> : Kernels<TBlock, Avx2Dot.Superblocks<TBlock, CodebookGroup<TBlock>>, NoDot>
        where TBlock : struct, ICodebookBlock;

    private sealed class Between<TBlock> : Kernels<TBlock, Avx2Dot.Between<TBlock>, NoDot>
        where TBlock : struct, IWeightBlock;

    private class Kernels<TBlock, TDot256, TDot128> : BlockKernels
        where TBlock : struct, IWeightBlock
        where TDot256 : struct, IDot
        where TDot128 : struct, IDot
    {
        public override bool IsSigned => TBlock.Signed;

        public override bool IsPortable => typeof(TDot128) != typeof(NoDot);

        public override void Rows(int bits, WeightMatrix weights, int first, int rows, Activations inputs, int token, float* output)
        {
            if (bits == 128) Rows<TDot128>(weights, first, rows, inputs, token, output);
            else Rows<TDot256>(weights, first, rows, inputs, token, output);
        }

        public override void Panels(
            int bits, WeightMatrix weights, int first, int rows, Activations inputs, int tokens, float* output, int stride,
            WorkerScratch scratch)
        {
            if (bits == 128) Panels<NeonPanel>(weights, first, rows, inputs, tokens, output, stride, scratch);
            else if (bits == 256) Panels<Avx2Panel>(weights, first, rows, inputs, tokens, output, stride, scratch);
            else Panels<Avx512Panel>(weights, first, rows, inputs, tokens, output, stride, scratch);
        }

        private static void Rows<TDot>(WeightMatrix weights, int first, int rows, Activations inputs, int token, float* output)
            where TDot : struct, IDot
        {
            sbyte* q = inputs.Bytes + ((long)token * inputs.Stride);
            float* d = inputs.Scales + ((long)token * inputs.BlockStride);
            float* sums = TBlock.SubElements == 32
                ? inputs.Sums + ((long)token * inputs.BlockStride)
                : inputs.HalfSums + ((long)token * inputs.BlockStride * 2);
            byte* entries = TDot.Entries;
            for (int row = first; row < first + rows; row++)
                output[row] = TDot.Row(weights.Row(row), entries, weights.Columns, q, d, sums);
        }

        private static void Panels<TPanel>(
            WeightMatrix weights, int first, int rows, Activations inputs, int tokens, float* output, int stride, WorkerScratch scratch)
            where TPanel : struct, IPanel
        {
            float* tile = stackalloc float[TPanel.Tokens * IntegerPanels.Rows];
            for (int row = first; row < first + rows; row += IntegerPanels.Rows)
            {
                int valid = Math.Min(IntegerPanels.Rows, first + rows - row);
                TPanel.Unpack<TBlock>(weights, row, valid, scratch);
                for (int t = 0; t < tokens; t += TPanel.Tokens)
                {
                    TPanel.Tile<TBlock>(weights.Columns, scratch, inputs, t, tokens - 1, tile);
                    for (int i = 0; i < Math.Min(TPanel.Tokens, tokens - t); i++)
                    {
                        float* target = output + ((long)(t + i) * stride) + row;
                        if (valid == IntegerPanels.Rows) Vector512.Load(tile + (i * IntegerPanels.Rows)).Store(target);
                        else new ReadOnlySpan<float>(tile + (i * IntegerPanels.Rows), valid).CopyTo(new Span<float>(target, valid));
                    }
                }
            }
        }
    }
}
