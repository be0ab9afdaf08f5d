using System.Runtime.Intrinsics.X86;
using QuantBench.Formats.Gguf;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>512-bit kernels: floats, panels and repacked rows. Rows in the file's layout, bound by memory or by latency, stay at 256
/// bits.</summary>
internal sealed unsafe class Avx512Kernels : VectorKernels<Floats512, WeightsUnscaledF16, Tile512>
{
    /// <inheritdoc />
    public override string Name => "avx512";

    /// <summary>Whether this process may use them.</summary>
    public static bool IsSupported =>
        Avx2Kernels.IsSupported && Avx512F.VL.IsSupported && Avx512BW.VL.IsSupported && Avx512DQ.VL.IsSupported;

    /// <inheritdoc />
    public override bool UsesWideInputs(GgmlType type) => BlockKernels.Of(type) is { IsSigned: true };

    /// <inheritdoc />
    public override long RepackedBytes(WeightMatrix weights) => RepackedRows.Bytes(weights);

    /// <inheritdoc />
    public override void Repack(WeightMatrix weights, int panel, WorkerScratch scratch) => RepackedRows.Fill(weights, panel, scratch);

    /// <inheritdoc />
    public override void Quantize(Activations activations, int token, int first, int count) =>
        Avx2Kernels.QuantizeBlocks(activations, token, first, count);

    /// <inheritdoc />
    public override void Decode(WeightMatrix weights, int row, int first, int count, float* floats)
    {
        // The file's pages of a repacked matrix were given back; reading single rows there would make them resident again, 64 KiB at a
        // time.
        if (weights.Repacked is not null) RepackedRows.Decode(weights, row, first, count, floats);
        else base.Decode(weights, row, first, count, floats);
    }

    /// <inheritdoc />
    protected override void Rows(
        BlockKernels blocks, WeightMatrix weights, int first, int rows, Activations inputs, int token, float* output)
    {
        if (weights.Repacked is not null) RepackedDot.Rows(weights, first, rows, inputs, token, output);
        else blocks.Rows(256, weights, first, rows, inputs, token, output);
    }

    /// <inheritdoc />
    protected override void Panels(
        BlockKernels blocks, WeightMatrix weights, int first, int rows, Activations inputs, int tokens, float* output, int stride,
        WorkerScratch scratch) => blocks.Panels(512, weights, first, rows, inputs, tokens, output, stride, scratch);
}
