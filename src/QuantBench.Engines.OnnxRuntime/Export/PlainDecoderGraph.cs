using QuantBench.Engines.OnnxRuntime.Export.Calibration;
using QuantBench.Formats.Onnx;
using QuantBench.Models.Decoders;
using static QuantBench.Engines.OnnxRuntime.Models.DecoderNames;

namespace QuantBench.Engines.OnnxRuntime.Export;

/// <summary>
/// The same decoder with operators of ONNX's own set alone (version 17), so that any runtime can run it. A token's position is the number
/// of mask entries that are 1 before it, so that prompts may be padded on the left; the cache is a new, longer tensor after every run.
/// </summary>
internal sealed class PlainDecoderGraph(DecoderWeights weights, ExportRecipe recipe, IReadOnlyDictionary<string, ActivationRange>? ranges)
    : DecoderGraph(weights, recipe, ranges)
{
    // Far below any score, and finite: a row without any key to see must not become not-a-number.
    private const float Hidden = -1e30f;

    private (string Cos, string Sin) _tables;
    private (string Cos, string Sin) _localTables;
    private string _bias = "";
    private string _localBias = "";

    /// <inheritdoc/>
    protected override void Prepare()
    {
        const string name = "/model/attn_mask";
        string past = Size($"{name}/past", Past(0, "key"), 2);
        string total = Size($"{name}/total", AttentionMask, 1);

        string counts = Graph.Node($"{name}/CumSum", "CumSum", [AttentionMask, Graph.Int(1)]);
        string positions = Graph.Node($"{name}/Sub", "Sub", [counts, Graph.Ints(1)]);
        string news =
            Graph.Node($"{name}/Slice", "Slice",
                [positions, Graph.Node($"{name}/past/Unsqueeze", "Unsqueeze", [past, Graph.Ints(0)]), Graph.Ints(int.MaxValue),
                    Graph.Ints(1)]);
        string valid = Graph.Node($"{name}/Max", "Max", [news, Graph.Ints(0)]);
        _tables = Tables("/model/rotary", RotaryTables(), valid);
        _localTables = HasLocalTables ? Tables("/model/local_rotary", RotaryTables(windowed: true), valid) : _tables;

        // Query i sees key j where j <= past + i and the mask has a 1.
        string rows = Graph.Node($"{name}/Rows", "Range", [past, total, Graph.Int(1)]);
        string columns = Graph.Node($"{name}/Columns", "Range", [Graph.Int(0), total, Graph.Int(1)]);
        string causal =
            Graph.Node($"{name}/LessOrEqual", "LessOrEqual",
                [columns, Graph.Node($"{name}/Rows/Unsqueeze", "Unsqueeze", [rows, Graph.Ints(1)])]);
        string kept = Graph.Node($"{name}/Cast", "Cast", [AttentionMask], new OnnxAttribute.Int("to", (long)OnnxDataType.Bool));
        string seen = Graph.Node($"{name}/And", "And", [causal, Graph.Node($"{name}/Unsqueeze", "Unsqueeze", [kept, Graph.Ints(1)])]);
        _bias = Bias(name, seen);
        if (Shape.Window == 0) return;

        // … and j > past + i - window.
        string firsts = Graph.Node($"{name}/Window/Sub", "Sub", [rows, Graph.Int(Shape.Window)]);
        string near = Graph.Node($"{name}/Window/Greater", "Greater",
            [columns, Graph.Node($"{name}/Window/Unsqueeze", "Unsqueeze", [firsts, Graph.Ints(1)])]);
        _localBias = Bias($"{name}/Window", Graph.Node($"{name}/Window/And", "And", [seen, near]));
    }

    /// <inheritdoc/>
    protected override (string Normed, string Residual) Norm(string name, string residual, string? addend, string module, bool isLast)
    {
        string sum = addend is null ? residual : Graph.Node($"{name}/Add", "Add", [residual, addend]);
        return (RootMeanSquareNorm(name, sum, Gamma(name, module, Shape.Embedding)), sum);
    }

    /// <inheritdoc/>
    protected override string Attention(int layer, string name, LinearEmitter emitter, string input)
    {
        int size = Shape.HeadWidth, groups = Shape.Heads / Shape.KvHeads;
        string Projection(string part, string? norm, int heads)
        {
            string product = emitter.Product($"{name}/{part}_proj", input, Linear(In(layer, $"{part}_proj")), SchemeOf($"{part}_proj"));
            if (norm is not null && Architecture.HasProjectionNorms)
                product = RootMeanSquareNorm($"{name}/{norm}", product, Gamma($"{name}/{norm}", In(layer, norm), heads * size));
            return Heads($"{name}/{part}", product, heads);
        }

        string query, key, value;
        if (Architecture.FusesProjections)
        {
            string all = emitter.Product($"{name}/qkv_proj", input, Linear(In(layer, "qkv_proj")), SchemeOf("v_proj"));
            query = Heads($"{name}/q", Part($"{name}/q", all, 0, Shape.QueryWidth), Shape.Heads);
            key = Heads($"{name}/k", Part($"{name}/k", all, Shape.QueryWidth, Shape.KeyWidth), Shape.KvHeads);
            value = Heads($"{name}/v", Part($"{name}/v", all, Shape.QueryWidth + Shape.KeyWidth, Shape.KeyWidth), Shape.KvHeads);
        }
        else
        {
            query = Projection("q", "q_norm", Shape.Heads);
            key = Projection("k", "k_norm", Shape.KvHeads);
            value = Projection("v", null, Shape.KvHeads);
        }

        if (Shape.Architecture.HasHeadNorms)
        {
            query = RootMeanSquareNorm($"{name}/q_norm", query, Gamma($"{name}/q_norm", In(layer, "q_norm"), size));
            key = RootMeanSquareNorm($"{name}/k_norm", key, Gamma($"{name}/k_norm", In(layer, "k_norm"), size));
        }

        bool isWindowed = Shape.IsWindowed(layer);
        (string Cos, string Sin) tables = isWindowed ? _localTables : _tables;
        if (Shape.IsRotated(layer))
            (query, key) = (Rotate($"{name}/q_rotary", query, tables), Rotate($"{name}/k_rotary", key, tables));
        query = HeadsFirst($"{name}/q", query);
        key = Append($"{name}/k", layer, "key", HeadsFirst($"{name}/k", key));
        value = Append($"{name}/v", layer, "value", HeadsFirst($"{name}/v", value));

        // Query heads of a group share a key head: [B, kv, groups, S, size] × [B, kv, 1, size, T].
        string grouped = Graph.Node($"{name}/q/Group", "Reshape", [query, Graph.Ints(0, Shape.KvHeads, groups, -1, size)]);
        string turned = Graph.Node($"{name}/k/Turn", "Transpose", [key], new OnnxAttribute.Ints("perm", [0, 1, 3, 2]));
        string keys = Graph.Node($"{name}/k/Unsqueeze", "Unsqueeze", [turned, Graph.Ints(2)]);
        string values = Graph.Node($"{name}/v/Unsqueeze", "Unsqueeze", [value, Graph.Ints(2)]);
        string scores = Graph.Node($"{name}/Scores", "MatMul", [grouped, keys]);
        string scaled = Graph.Node($"{name}/Scale", "Mul", [scores, Graph.Number("attention_scale", Shape.AttentionScale)]);
        if (Shape.AttentionSoftCap > 0) scaled = Cap($"{name}/Cap", scaled, Shape.AttentionSoftCap);
        string masked = Graph.Node($"{name}/Mask", "Add", [scaled, isWindowed ? _localBias : _bias]);
        string shares = Graph.Node($"{name}/Softmax", "Softmax", [masked], new OnnxAttribute.Int("axis", -1));
        string mixed = Graph.Node($"{name}/Mix", "MatMul", [shares, values]);
        string heads = Graph.Node($"{name}/Ungroup", "Reshape", [mixed, Graph.Ints(0, Shape.Heads, -1, size)]);
        string tokens = Graph.Node($"{name}/TokensFirst", "Transpose", [heads], new OnnxAttribute.Ints("perm", [0, 2, 1, 3]));
        return Graph.Node($"{name}/Join", "Reshape", [tokens, Graph.Ints(0, 0, Shape.QueryWidth)]);
    }

    private string Size(string name, string value, long axis)
    {
        string shape = Graph.Node($"{name}/Shape", "Shape", [value]);
        return Graph.Node($"{name}/Gather", "Gather", [shape, Graph.Int(axis)], new OnnxAttribute.Int("axis", 0));
    }

    private string Heads(string name, string value, int heads) =>
        Graph.Node($"{name}/Split", "Reshape", [value, Graph.Ints(0, 0, heads, Shape.HeadWidth)]);

    private string HeadsFirst(string name, string value) =>
        Graph.Node($"{name}/HeadsFirst", "Transpose", [value], new OnnxAttribute.Ints("perm", [0, 2, 1, 3]));

    private string Append(string name, int layer, string part, string value) =>
        Graph.Node($"{name}/Append", "Concat", "", [Past(layer, part), value], Present(layer, part), new OnnxAttribute.Int("axis", 2));

    private (string Cos, string Sin) Tables(string name, (string Cos, string Sin) tables, string positions) =>
        (Graph.Node($"{name}/cos/Unsqueeze", "Unsqueeze",
            [Graph.Node($"{name}/cos/Gather", "Gather", [tables.Cos, positions]), Graph.Ints(2)]),
        Graph.Node($"{name}/sin/Unsqueeze", "Unsqueeze",
            [Graph.Node($"{name}/sin/Gather", "Gather", [tables.Sin, positions]), Graph.Ints(2)]));

    private string Bias(string name, string seen)
    {
        string bias = Graph.Node($"{name}/Where", "Where", [seen, Graph.Number("zero", 0), Graph.Number("hidden", Hidden)]);
        return Graph.Node($"{name}/Bias", "Unsqueeze", [bias, Graph.Ints(1, 2)]);
    }

    /// <summary>Turns the pairs (j, j + n/2) of each head's first n elements, or its neighbours (2j, 2j + 1).</summary>
    private string Rotate(string name, string value, (string Cos, string Sin) tables)
    {
        (string cos, string sin) = tables;
        long half = Shape.RotatedWidth / 2;
        bool neighbours = Architecture.KeepsRowOrder;
        string first = neighbours
            ? Graph.Node($"{name}/First", "Slice", [value, Graph.Ints(0), Graph.Ints(2 * half), Graph.Ints(3), Graph.Ints(2)])
            : Graph.Node($"{name}/First", "Slice", [value, Graph.Ints(0), Graph.Ints(half), Graph.Ints(3)]);
        string second = neighbours
            ? Graph.Node($"{name}/Second", "Slice", [value, Graph.Ints(1), Graph.Ints(2 * half), Graph.Ints(3), Graph.Ints(2)])
            : Graph.Node($"{name}/Second", "Slice", [value, Graph.Ints(half), Graph.Ints(2 * half), Graph.Ints(3)]);
        string x =
            Graph.Node($"{name}/Sub", "Sub",
                [Graph.Node($"{name}/FirstCos", "Mul", [first, cos]), Graph.Node($"{name}/SecondSin", "Mul", [second, sin])]);
        string y =
            Graph.Node($"{name}/Add", "Add",
                [Graph.Node($"{name}/SecondCos", "Mul", [second, cos]), Graph.Node($"{name}/FirstSin", "Mul", [first, sin])]);
        string rest = "";
        if (Shape.RotatedWidth < Shape.HeadWidth)
            rest = Graph.Node($"{name}/Rest", "Slice", [value, Graph.Ints(2 * half), Graph.Ints(Shape.HeadWidth), Graph.Ints(3)]);
        if (!neighbours)
        {
            string[] parts = rest.Length == 0 ? [x, y] : [x, y, rest];
            return Graph.Node($"{name}/Concat", "Concat", parts, new OnnxAttribute.Int("axis", -1));
        }

        string pairs = Graph.Node($"{name}/Pairs", "Concat",
            [Graph.Node($"{name}/FirstOfPair", "Unsqueeze", [x, Graph.Ints(4)]),
                Graph.Node($"{name}/SecondOfPair", "Unsqueeze", [y, Graph.Ints(4)])], new OnnxAttribute.Int("axis", -1));
        string turned = Graph.Node($"{name}/Flat", "Reshape", [pairs, Graph.Ints(0, 0, 0, 2 * half)]);
        return rest.Length == 0 ? turned : Graph.Node($"{name}/Concat", "Concat", [turned, rest], new OnnxAttribute.Int("axis", -1));
    }

    /// <inheritdoc/>
    protected override string RootMeanSquareNorm(string name, string value, string gamma)
    {
        string squares = Graph.Node($"{name}/Square", "Mul", [value, value]);
        string mean =
            Graph.Node($"{name}/ReduceMean", "ReduceMean", [squares], new OnnxAttribute.Ints("axes", [-1]),
                new OnnxAttribute.Int("keepdims", 1));
        string root =
            Graph.Node($"{name}/Sqrt", "Sqrt", [Graph.Node($"{name}/Epsilon", "Add", [mean, Graph.Number("epsilon", Shape.NormEpsilon)])]);
        return Graph.Node($"{name}/Mul", "Mul", [Graph.Node($"{name}/Div", "Div", [value, root]), gamma]);
    }
}
