using QuantBench.Formats.Gguf;
using QuantBench.Formats.Onnx;

namespace QuantBench.Engines.OnnxRuntime.Export;

/// <summary>Experts: ONNX Runtime's own operators, which pick a few for each token. Gates and up-projections are one matrix per expert, row
/// by row in turn.</summary>
internal sealed partial class LinearEmitter
{
    /// <summary>Adds the experts of a layer.</summary>
    /// <param name="name">Prefix of node and tensor names.</param>
    /// <param name="input">Value [batch, tokens, hidden].</param>
    /// <param name="ratings">Value [batch · tokens, experts]: the largest are chosen.</param>
    /// <param name="shares">Value [batch · tokens, experts] that the chosen experts' results are weighed by; null = by the softmax over the
    /// chosen ones' ratings, which is all that the operator for floats can do.</param>
    /// <param name="part">The experts.</param>
    /// <param name="scheme">How they are stored: 32-bit floats or blocks.</param>
    /// <returns>Value [batch, tokens, hidden].</returns>
    public string Experts(string name, string input, string ratings, string? shares, ExpertPart part, WeightScheme scheme)
    {
        OnnxAttribute[] attributes =
        [
            new OnnxAttribute.Int("k", part.Used),
            new OnnxAttribute.Text("activation_type", "swiglu"),
            new OnnxAttribute.Int("swiglu_fusion", 1),
            new OnnxAttribute.Float("activation_alpha", part.Slope),
            new OnnxAttribute.Float("activation_beta", part.Shift),
            new OnnxAttribute.Int("normalize_routing_weights", shares is null ? 1 : 0),
        ];
        if (part.Limit > 0) attributes = [.. attributes, new OnnxAttribute.Float("swiglu_limit", part.Limit)];
        string upBias = Biases($"{name}/fc1.bias", part.UpBias, part.Count);
        string downBias = Biases($"{name}/fc2.bias", part.DownBias, part.Count);
        if (scheme.Kind == WeightKind.Float32)
        {
            string up = FloatExperts($"{name}/fc1.weight", part.Up, part.Count);
            string down = FloatExperts($"{name}/fc2.weight", part.Down, part.Count);
            return graph.Node($"{name}/MoE", "MoE", GraphBuilder.Microsoft, [input, ratings, up, upBias, down, downBias], null, attributes);
        }

        BlockTensors ups = BlockExperts($"{name}/fc1", part.Up, part.Count, scheme.Blocks);
        BlockTensors downs = BlockExperts($"{name}/fc2", part.Down, part.Count, scheme.Blocks);
        return graph.Node($"{name}/QMoE", "QMoE", GraphBuilder.Microsoft,
            [input, ratings, ups.Packed, ups.Scales, upBias, downs.Packed, downs.Scales, downBias, "", "", "", ups.ZeroPoints ?? "",
                downs.ZeroPoints ?? "", "", shares ?? ""], null,
            [.. attributes, new OnnxAttribute.Int("expert_weight_bits", scheme.Blocks.Bits),
                new OnnxAttribute.Int("block_size", scheme.Blocks.BlockSize)]);
    }

    private string Biases(string name, float[]? biases, int experts) => biases is null ? ""
        : graph.Constant(name, graph.Io, [experts, biases.Length / experts], graph.ToIo(biases));

    private string FloatExperts(string name, LinearWeights weights, int experts) =>
        graph.Tensor(name, OnnxDataType.Float, [experts, weights.Rows / experts, weights.Columns],
            sink => WeightFills.Rows(sink, name, weights, GgmlType.F32));

    private BlockTensors BlockExperts(string name, LinearWeights weights, int experts, NBitsFormat format)
    {
        int rows = weights.Rows / experts;
        var made = new BlockTensors($"{name}.weight_Q{format.Bits}", $"{name}.weight_scales",
            format.HasZeroPoints ? $"{name}.weight_zp" : null, null, format, null, weights.Rows, weights.Columns);
        graph.Tensor(made.Packed, OnnxDataType.UInt8, [experts, rows, format.RowBytes(weights.Columns)],
            sink => WeightFills.Blocks(sink, made, weights));
        graph.Tensor(made.Scales, OnnxDataType.Float, [experts, rows, made.Blocks], fill: null);
        if (made.ZeroPoints is { } zeros)
            graph.Tensor(zeros, OnnxDataType.UInt8, [experts, rows, format.ZeroPointBytes(weights.Columns)], fill: null);
        return made;
    }
}
