using QuantBench.Formats.Gguf;
using QuantBench.Formats.Onnx;

namespace QuantBench.Engines.OnnxRuntime.Export;

/// <summary>Names of the tensors that hold a matrix [N, K] in blocks.</summary>
/// <param name="Packed">Weights, bytes [N, blocks, bytes of a block].</param>
/// <param name="Scales">Floats [N, blocks].</param>
/// <param name="ZeroPoints">Packed bytes; null when the format has none.</param>
/// <param name="Minimums">Floats [N, blocks] that are added to each weight of a block; null when there are none.</param>
/// <param name="Format">Bits, block size, zero points.</param>
/// <param name="GgufType">Type of the GGUF blocks they are laid out from; null when they are quantized.</param>
/// <param name="Rows">N.</param>
/// <param name="Columns">K.</param>
internal sealed record BlockTensors(
    string Packed, string Scales, string? ZeroPoints, string? Minimums, NBitsFormat Format, GgmlType? GgufType, int Rows, int Columns)
{
    /// <summary>Blocks of a row.</summary>
    public int Blocks => Format.Blocks(Columns);
}
