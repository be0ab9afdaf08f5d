using QuantBench.Engines.OnnxRuntime.Export.Calibration;
using QuantBench.Formats.Onnx;
using QuantBench.Models.Decoders;
using static QuantBench.Engines.OnnxRuntime.Models.DecoderNames;

namespace QuantBench.Engines.OnnxRuntime.Export;

/// <summary>
/// The graph as onnxruntime-genai builds it for CPUs: SimplifiedLayerNormalization, SkipSimplifiedLayerNormalization and
/// GroupQueryAttention with KV cache and rotary positions inside. The cache may be one shared buffer for past and present.
/// </summary>
internal sealed class FusedDecoderGraph(DecoderWeights weights, ExportRecipe recipe, IReadOnlyDictionary<string, ActivationRange>? ranges)
    : DecoderGraph(weights, recipe, ranges)
{
    private string _lengths = "";
    private string _total = "";
    private (string Cos, string Sin) _tables;
    private (string Cos, string Sin) _localTables;

    /// <inheritdoc/>
    protected override void Prepare()
    {
        const string name = "/model/attn_mask";
        var toInt32 = new OnnxAttribute.Int("to", (long)OnnxDataType.Int32);
        string sum = Graph.Node($"{name}/ReduceSum", "ReduceSum", [AttentionMask, Graph.Ints(1)], new OnnxAttribute.Int("keepdims", 0));
        string last = Graph.Node($"{name}/Sub", "Sub", [sum, Graph.Ints(1)]);
        _lengths = Graph.Node($"{name}/Cast", "Cast", [last], toInt32);
        string shape = Graph.Node($"{name}/Shape", "Shape", [AttentionMask]);
        string total = Graph.Node($"{name}/Gather", "Gather", [shape, Graph.Int(1)], new OnnxAttribute.Int("axis", 0));
        _total = Graph.Node($"{name}/Total", "Cast", [total], toInt32);
        _tables = RotaryTables();
        _localTables = HasLocalTables ? RotaryTables(windowed: true) : _tables;
    }

    /// <inheritdoc/>
    protected override (string Normed, string Residual) Norm(string name, string residual, string? addend, string module, bool isLast)
    {
        string gamma = Gamma(name, module, Shape.Embedding);
        var epsilon = new OnnxAttribute.Float("epsilon", Shape.NormEpsilon);
        if (addend is null) return (RootMeanSquareNorm($"{name}/LayerNorm", residual, gamma), residual);
        string node = $"{name}/SkipLayerNorm", normed = $"{node}/output_0", sum = $"{node}/output_3";
        Graph.Add(new OnnxNode(
            "SkipSimplifiedLayerNormalization", GraphBuilder.Microsoft, node, [residual, addend, gamma],
            isLast ? [normed] : [normed, "", "", sum], [epsilon]));
        return (normed, sum);
    }

    /// <inheritdoc/>
    protected override string Attention(int layer, string name, LinearEmitter emitter, string input)
    {
        string query, key = "", value = "";
        if (Architecture.FusesProjections)
        {
            // Values are worth most, and decide for all three.
            query = emitter.Product($"{name}/qkv_proj", input, Linear(In(layer, "qkv_proj")), SchemeOf("v_proj"));
        }
        else if (IsPacked(layer))
        {
            query = emitter.Product($"{name}/qkv_proj", input, Linear(In(layer, "q_proj"), In(layer, "k_proj"), In(layer, "v_proj")),
                SchemeOf("q_proj"));
        }
        else
        {
            query = emitter.Product($"{name}/q_proj", input, Linear(In(layer, "q_proj")), SchemeOf("q_proj"));
            key = emitter.Product($"{name}/k_proj", input, Linear(In(layer, "k_proj")), SchemeOf("k_proj"));
            value = emitter.Product($"{name}/v_proj", input, Linear(In(layer, "v_proj")), SchemeOf("v_proj"));
        }

        if (Shape.Architecture.HasHeadNorms)
        {
            query = NormHeads($"{name}/q_norm", query, In(layer, "q_norm"), Shape.Heads);
            key = NormHeads($"{name}/k_norm", key, In(layer, "k_norm"), Shape.KvHeads);
        }
        else if (Architecture.HasProjectionNorms)
        {
            query = RootMeanSquareNorm($"{name}/q_norm", query, Gamma($"{name}/q_norm", In(layer, "q_norm"), Shape.QueryWidth));
            key = RootMeanSquareNorm($"{name}/k_norm", key, Gamma($"{name}/k_norm", In(layer, "k_norm"), Shape.KeyWidth));
        }

        bool isRotated = Shape.IsRotated(layer), isWindowed = Shape.IsWindowed(layer);
        (string cos, string sin) = isWindowed ? _localTables : _tables;
        string[] tables = isRotated ? [cos, sin] : [];
        OnnxAttribute[] cap = Shape.AttentionSoftCap > 0 ? [new OnnxAttribute.Float("softcap", Shape.AttentionSoftCap)] : [];

        string output = $"{name}/GroupQueryAttention/output_0";
        Graph.Add(new OnnxNode(
            "GroupQueryAttention", GraphBuilder.Microsoft, $"{name}/GroupQueryAttention",
            [query, key, value, Past(layer, "key"), Past(layer, "value"), _lengths, _total, .. tables,
                .. Sinks(layer, name, tables.Length)],
            [output, Present(layer, "key"), Present(layer, "value")],
            [
                new OnnxAttribute.Int("num_heads", Shape.Heads),
                new OnnxAttribute.Int("kv_num_heads", Shape.KvHeads),
                new OnnxAttribute.Float("scale", Shape.AttentionScale),
                new OnnxAttribute.Int("local_window_size", isWindowed ? Shape.Window : -1),
                new OnnxAttribute.Int("do_rotary", isRotated ? 1 : 0),
                new OnnxAttribute.Int("rotary_interleaved", Architecture.KeepsRowOrder ? 1 : 0),
                .. cap,
            ]));
        return output;
    }

    /// <summary>The heads' scores that give nothing, behind two tables, positions and a bias that there aren't.</summary>
    private string[] Sinks(int layer, string name, int tables) => !Architecture.HasSinks ? []
        : [.. Enumerable.Repeat("", 4 - tables), Gamma($"{name}/sinks", In(layer, "sinks"), Shape.Heads)];

    /// <summary>One product for queries, keys and values where all three are stored alike.</summary>
    private bool IsPacked(int layer)
    {
        if (Architecture.HasHeadNorms || Architecture.HasProjectionNorms || SchemeOf("q_proj") != SchemeOf("k_proj")
            || SchemeOf("q_proj") != SchemeOf("v_proj"))
        {
            return false;
        }

        return SchemeOf("q_proj").Kind != WeightKind.Gguf
            || Linear(In(layer, "q_proj"), In(layer, "k_proj"), In(layer, "v_proj")).BlockType is not null;
    }

    private string NormHeads(string name, string value, string module, int heads)
    {
        string split = Graph.Node($"{name}/Split", "Reshape", [value, Graph.Ints(0, 0, heads, Shape.HeadWidth)]);
        string normed = RootMeanSquareNorm($"{name}/LayerNorm", split, Gamma(name, module, Shape.HeadWidth));
        return Graph.Node($"{name}/Join", "Reshape", [normed, Graph.Ints(0, 0, (long)heads * Shape.HeadWidth)]);
    }

    /// <inheritdoc/>
    protected override string RootMeanSquareNorm(string name, string value, string gamma) => Graph.Node(
        name, "SimplifiedLayerNormalization", [value, gamma],
        new OnnxAttribute.Int("axis", -1), new OnnxAttribute.Float("epsilon", Shape.NormEpsilon), new OnnxAttribute.Int("stash_type", 1));
}
