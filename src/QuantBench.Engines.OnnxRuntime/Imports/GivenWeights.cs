using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Onnx;
using QuantBench.Models.Weights;

namespace QuantBench.Engines.OnnxRuntime.Imports;

/// <summary>Refuses models whose constants are no numbers where a product takes them: kernels that round activations to 8 bits make numbers
/// of the results.</summary>
internal static class GivenWeights
{
    private const int PieceBytes = 4 << 20;

    // Operators whose constant inputs are weights, scales or zero points. Elsewhere an infinity may be meant, as in a mask.
    private static readonly HashSet<string> s_weighted = new(StringComparer.Ordinal)
    {
        "MatMul", "Gemm", "Gather", "Conv", "MatMulInteger", "QLinearMatMul", "QuantizeLinear", "DequantizeLinear", "MatMulNBits",
        "GatherBlockQuantized", "LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization", "SkipLayerNormalization",
        "SkipSimplifiedLayerNormalization", "FusedMatMul", "MatMulBnb4", "QMoE", "MoE",
    };

    /// <summary>Looks at every constant that such an operator takes.</summary>
    /// <param name="path">The model file.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="ModelFormatException">An element is NaN or infinite; names tensor and index.</exception>
    public static void Check(string path, CancellationToken cancellationToken)
    {
        using OnnxModel model = OnnxModel.Open(path);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (string name in model.Nodes.Where(n => s_weighted.Contains(n.OpType)).SelectMany(n => n.Inputs))
        {
            if (!seen.Add(name) || !model.Tensors.TryGetValue(name, out OnnxTensorInfo? tensor)) continue;
            GgmlType? type = tensor.Type switch
            {
                OnnxDataType.Float => GgmlType.F32,
                OnnxDataType.Float16 => GgmlType.F16,
                OnnxDataType.BFloat16 => GgmlType.BF16,
                _ => null,
            };
            if (type is not { } known) continue;
            int width = known == GgmlType.F32 ? 4 : 2;
            for (long at = 0; at < tensor.ByteSize; at += PieceBytes)
            {
                cancellationToken.ThrowIfCancellationRequested();
                FiniteWeights.Check(model.Span(tensor, at, (int)Math.Min(PieceBytes, tensor.ByteSize - at)), known, path, name, at / width,
                    tensor.Shape is [.., var columns] && columns > 0 ? columns : 1);
            }
        }
    }
}
