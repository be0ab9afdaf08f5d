using System.Runtime.InteropServices;
using QuantBench.Engines.OnnxRuntime.Export.Calibration;
using QuantBench.Engines.OnnxRuntime.Models;
using QuantBench.Formats.Blocks;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Onnx;

namespace QuantBench.Engines.OnnxRuntime.Export;

/// <summary>Adds products with weight matrices to a graph, as their schemes ask.</summary>
/// <param name="graph">The graph.</param>
/// <param name="isPlain">Whether only standard operators may be used.</param>
/// <param name="ranges">Ranges of values by name, for calibrated schemes; null when none are.</param>
internal sealed partial class LinearEmitter(GraphBuilder graph, bool isPlain, IReadOnlyDictionary<string, ActivationRange>? ranges)
{
    private readonly Dictionary<string, BlockTensors> _blocks = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _rows = new(StringComparer.Ordinal);

    /// <summary>Adds <c>input · weightsᵀ (+ bias)</c>.</summary>
    /// <param name="name">Prefix of node and tensor names.</param>
    /// <param name="input">Value [batch, tokens, K].</param>
    /// <param name="weights">[N, K].</param>
    /// <param name="scheme">How they are stored.</param>
    /// <param name="output">Name of the output; null = made from the node's.</param>
    /// <returns>Value [batch, tokens, N].</returns>
    public string Product(string name, string input, LinearWeights weights, WeightScheme scheme, string? output = null)
    {
        float[]? bias = weights.Bias();
        string? own = bias is null ? output : null;
        string product = scheme.Kind switch
        {
            WeightKind.Float32 => FloatProduct(name, input, weights, GgmlType.F32, own),
            WeightKind.Float16 => FloatProduct(name, input, weights, GgmlType.F16, own),
            WeightKind.BFloat16 => FloatProduct(name, input, weights, GgmlType.BF16, own),
            WeightKind.Dynamic8 => DynamicProduct(name, input, weights, own),
            WeightKind.Static8 => StaticProduct(name, input, weights, own),
            WeightKind.Gguf when !IsRelaid(weights) => FloatProduct(name, input, weights, GgmlType.F32, own),
            _ => BlockProduct(name, input, weights, scheme, own),
        };
        return bias is null ? product : graph.Node($"{name}/Add", "Add", "", [product, graph.Vector($"{name}.bias", bias)], output);
    }

    /// <summary>Adds the product with the output head, which may be the embedding's own tensors.</summary>
    /// <param name="name">Prefix of node names.</param>
    /// <param name="tensor">Prefix of the tensors' names; the embedding's when they are shared.</param>
    /// <param name="input">Value [batch, tokens, hidden].</param>
    /// <param name="weights">[vocabulary, hidden].</param>
    /// <param name="scheme">How they are stored.</param>
    /// <param name="output">Name of the output.</param>
    public void Head(string name, string tensor, string input, LinearWeights weights, WeightScheme scheme, string output)
    {
        if (FloatTypeOf(weights, scheme) is not { } type)
        {
            BlockProduct(name, input, weights, scheme, output, tensor);
            return;
        }

        // Rows stay as they are, so that the embedding can look them up; a transposed copy would double the memory.
        string rows = Widened(tensor, RowsOf(tensor, weights, type), type);
        if (!isPlain)
        {
            graph.Node($"{name}/MatMul", "FusedMatMul", GraphBuilder.Microsoft, [input, rows], output, new OnnxAttribute.Int("transB", 1));
            return;
        }

        string flat = graph.Node($"{name}/Flatten", "Reshape", [input, graph.Ints(-1, weights.Columns)]);
        string product = graph.Node($"{name}/Gemm", "Gemm", [flat, rows], new OnnxAttribute.Int("transB", 1));
        string leading = graph.Node($"{name}/Shape", "Shape", [DecoderNames.InputIds]);
        string shape = graph.Node($"{name}/Concat", "Concat", [leading, graph.Ints(weights.Rows)], new OnnxAttribute.Int("axis", 0));
        graph.Node($"{name}/Reshape", "Reshape", "", [product, shape], output);
    }

    /// <summary>Adds the embedding's look-up.</summary>
    /// <param name="name">Prefix of node and tensor names.</param>
    /// <param name="ids">Token ids [batch, tokens].</param>
    /// <param name="weights">[vocabulary, hidden].</param>
    /// <param name="scheme">How they are stored.</param>
    /// <returns>Value [batch, tokens, hidden].</returns>
    public string LookUp(string name, string ids, LinearWeights weights, WeightScheme scheme)
    {
        if (FloatTypeOf(weights, scheme) is not { } type) return BlockLookUp(name, ids, weights, scheme);
        string row = graph.Node($"{name}/Gather", "Gather", [RowsOf(name, weights, type), ids]);
        return type == GgmlType.BF16 ? graph.Node($"{name}/Cast", "Cast", [row], new OnnxAttribute.Int("to", (long)OnnxDataType.Float))
            : row;
    }

    private static bool IsRelaid(LinearWeights weights) => weights.BlockType is { } type && GgufRelay.FormatOf(type) is not null;

    private static GgmlType? FloatTypeOf(LinearWeights weights, WeightScheme scheme) => scheme.Kind switch
    {
        WeightKind.Float32 => GgmlType.F32,
        WeightKind.Float16 => GgmlType.F16,
        WeightKind.BFloat16 => GgmlType.BF16,
        WeightKind.Gguf when !IsRelaid(weights) => GgmlType.F32,
        _ => null,
    };

    private static OnnxDataType DataTypeOf(GgmlType type) => type switch
    {
        GgmlType.F16 => OnnxDataType.Float16,
        GgmlType.BF16 => OnnxDataType.BFloat16,
        _ => OnnxDataType.Float,
    };

    private string FloatProduct(string name, string input, LinearWeights weights, GgmlType type, string? output)
    {
        string tensor = $"{name}.weight";
        OnnxDataType stored = DataTypeOf(type);
        if (stored != graph.Io && stored != OnnxDataType.BFloat16)
            throw new ArgumentException($"{stored} weights don't multiply {graph.Io} activations", nameof(type));
        graph.Tensor(tensor, stored, [weights.Columns, weights.Rows], sink =>
        {
            IBlockCodec codec = GgmlTypes.Codec(type);
            if (type == GgmlType.F32)
            {
                WeightFills.Transposed<float>(sink, tensor, weights, (_, row, encoded) => row.CopyTo(encoded));
            }
            else
            {
                WeightFills.Transposed<ushort>(sink, tensor, weights,
                    (index, row, encoded) =>
                    {
                        codec.Quantize(row, MemoryMarshal.AsBytes(encoded));
                        WeightFills.CheckStored(MemoryMarshal.AsBytes(encoded), type, row, weights, index);
                    });
            }
        });
        return graph.Node($"{name}/MatMul", "MatMul", "", [input, Widened(name, tensor, type)], output);
    }

    /// <summary>The runtime folds the widening of a constant when it loads the model.</summary>
    private string Widened(string name, string tensor, GgmlType type) => type != GgmlType.BF16
        ? tensor
        : graph.Once($"{tensor}:float",
            () => graph.Node($"{name}/Widen", "Cast", [tensor], new OnnxAttribute.Int("to", (long)OnnxDataType.Float)));

    private string RowsOf(string tensor, LinearWeights weights, GgmlType type)
    {
        if (_rows.TryGetValue(tensor, out string? name)) return name;
        name = $"{tensor}.weight";
        _rows[tensor] = name;
        return graph.Tensor(name, DataTypeOf(type), [weights.Rows, weights.Columns], sink => WeightFills.Rows(sink, name, weights, type));
    }
}
