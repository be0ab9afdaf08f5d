using System.Runtime.InteropServices;
using QuantBench.Formats.Onnx;

namespace QuantBench.Engines.OnnxRuntime.Export;

/// <summary>Products with bytes: scales per output, activations per tensor.</summary>
internal sealed partial class LinearEmitter
{
    private string DynamicProduct(string name, string input, LinearWeights weights, string? output)
    {
        // One quantization serves all products of a value.
        string prefix = graph.Once($"{input}:dynamic", () =>
        {
            string node = $"{name}/DynamicQuantizeLinear";
            graph.Add(
                new OnnxNode("DynamicQuantizeLinear", "", node, [input], [$"{node}/output_0", $"{node}/output_1", $"{node}/output_2"], []));
            return node;
        });
        (string stored, string scales, string zeros) = Bytes(name, weights);
        string product = graph.Node($"{name}/MatMulInteger", "MatMulInteger", [$"{prefix}/output_0", stored, $"{prefix}/output_2", zeros]);
        string floats = graph.Node($"{name}/Cast", "Cast", [product], new OnnxAttribute.Int("to", (long)OnnxDataType.Float));
        string scale = graph.Node($"{name}/Scale", "Mul", [$"{prefix}/output_1", scales]);
        return graph.Node($"{name}/Mul", "Mul", "", [floats, scale], output);
    }

    private string StaticProduct(string name, string input, LinearWeights weights, string? output)
    {
        if (ranges is null || !ranges.TryGetValue(input, out ActivationRange range))
            throw new InvalidOperationException($"the value '{input}' wasn't calibrated");
        string quantized =
            graph.Once($"{input}:static",
                () => graph.Node($"{name}/QuantizeLinear", "QuantizeLinear", [input, Scale(input, range), Zero(input, range)]));

        // Each product has a node of its own here: the runtime fuses those whose value goes nowhere else.
        string activations =
            graph.Node($"{name}/DequantizeLinear", "DequantizeLinear", [quantized, Scale(input, range), Zero(input, range)]);
        (string stored, string scales, string zeros) = Bytes(name, weights);
        string floats =
            graph.Node($"{name}/DequantizeLinear_weight", "DequantizeLinear", [stored, scales, zeros], new OnnxAttribute.Int("axis", 1));
        return graph.Node($"{name}/MatMul", "MatMul", "", [activations, floats], output);
    }

    private string Scale(string value, ActivationRange range) =>
        graph.Once($"{value}:scale", () => graph.Constant($"{value}/scale", OnnxDataType.Float, [], BitConverter.GetBytes(range.Scale)));

    private string Zero(string value, ActivationRange range) =>
        graph.Once($"{value}:zero", () => graph.Constant($"{value}/zero_point", OnnxDataType.UInt8, [], [range.ZeroPoint]));

    private (string Stored, string Scales, string Zeros) Bytes(string name, LinearWeights weights)
    {
        string stored = $"{name}.weight_quantized", scales = $"{name}.weight_scale", zeros = $"{name}.weight_zero_point";
        graph.Tensor(stored, OnnxDataType.UInt8, [weights.Columns, weights.Rows], sink =>
        {
            float[] values = WeightFills.ByteScales(weights);
            sink.Append(scales, MemoryMarshal.AsBytes<float>(values));
            byte[] middles = new byte[values.Length];
            Array.Fill(middles, (byte)128);
            sink.Append(zeros, middles);
            WeightFills.Transposed<byte>(sink, stored, weights, (index, row, encoded) => WeightFills.ToBytes(row, values[index], encoded));
        });
        graph.Tensor(scales, OnnxDataType.Float, [weights.Rows], fill: null);
        graph.Tensor(zeros, OnnxDataType.UInt8, [weights.Rows], fill: null);
        return (stored, scales, zeros);
    }
}
