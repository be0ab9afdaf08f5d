using QuantBench.Formats.Onnx;

namespace QuantBench.Engines.OnnxRuntime.Imports;

/// <summary>How many bits most weights of an ONNX model have.</summary>
internal static class GivenPrecision
{
    // Values of block-quantized operators lie packed in byte tensors: the node says how many bits they have.
    private static readonly Dictionary<string, (int Data, long DefaultBits)> s_packed = new()
    {
        ["MatMulNBits"] = (1, 4),
        ["GatherBlockQuantized"] = (0, 4),
    };

    /// <summary><c>int4</c> (4 bits or fewer), <c>int8</c>, <c>fp16</c> or <c>fp32</c>.</summary>
    /// <param name="model">The model.</param>
    public static string Of(OnnxModel model)
    {
        var packedBits = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (OnnxNode node in model.Nodes)
        {
            if (!s_packed.TryGetValue(node.OpType, out (int Data, long DefaultBits) packed) || node.Inputs.Length <= packed.Data) continue;
            packedBits[node.Inputs[packed.Data]] = Math.Clamp(node.Int("bits", packed.DefaultBits), 1, 8);
        }

        var weights = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (OnnxTensorInfo tensor in model.Tensors.Values)
        {
            // One-dimensional tensors are norms, biases and scales.
            if (tensor.Shape.Length < 2) continue;
            bool isPacked = packedBits.TryGetValue(tensor.Name, out long bits);
            long count = isPacked && tensor.Type == OnnxDataType.UInt8 ? tensor.ByteSize * 8 / bits : tensor.ElementCount;
            string name = isPacked ? (bits <= 4 ? "int4" : "int8") : NameOf(tensor.Type);
            weights[name] = weights.GetValueOrDefault(name) + count;
        }

        return weights.Count == 0 ? "fp32" : weights.MaxBy(w => w.Value).Key;
    }

    private static string NameOf(OnnxDataType type) => type switch
    {
        OnnxDataType.Int4 or OnnxDataType.UInt4 or OnnxDataType.Int2 or OnnxDataType.UInt2 => "int4",
        OnnxDataType.Int8 or OnnxDataType.UInt8 => "int8",
        OnnxDataType.Float16 or OnnxDataType.BFloat16 => "fp16",
        _ => "fp32",
    };
}
