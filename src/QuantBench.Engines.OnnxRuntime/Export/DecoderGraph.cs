using System.Collections.Immutable;
using QuantBench.Engines.OnnxRuntime.Export.Calibration;
using QuantBench.Formats.Onnx;
using QuantBench.Models.Architectures;
using QuantBench.Models.Decoders;
using QuantBench.Models.Graphs;
using QuantBench.Models.Weights;
using static QuantBench.Engines.OnnxRuntime.Models.DecoderNames;

namespace QuantBench.Engines.OnnxRuntime.Export;

/// <summary>
/// Builds a decoder's graph with the inputs and outputs of onnxruntime-genai: <c>input_ids</c> [B, S], <c>attention_mask</c> [B, T] (past
/// and new tokens),
/// <c>past_key_values.{i}.key/.value</c> [B, heads, past, size]; <c>logits</c> [B, S, V], <c>present.{i}.key/.value</c> [B, heads, T,
/// size].
/// </summary>
/// <param name="weights">The model.</param>
/// <param name="recipe">How it is exported.</param>
/// <param name="ranges">Calibrated ranges by value; null when the recipe has none.</param>
internal abstract class DecoderGraph(DecoderWeights weights, ExportRecipe recipe, IReadOnlyDictionary<string, ActivationRange>? ranges)
{
    // 2 · 64 MiB of tables with heads of 128 elements; no file may ask for more by its word alone.
    private const int MaxPositions = 1 << 18;

    /// <summary>The graph.</summary>
    protected GraphBuilder Graph { get; } = new(recipe.Io);

    /// <summary>Sizes.</summary>
    protected DecoderShape Shape => weights.Shape;

    /// <summary>What its name decides.</summary>
    protected DecoderArchitecture Architecture => Shape.Architecture;

    /// <summary>Whether windowed layers turn by other angles than the rest.</summary>
    protected bool HasLocalTables => Shape.Window > 0 && (Architecture.LocalRopeBase > 0 || Architecture.HasPlainWindowRope);

    /// <summary>Positions that the tables of cosines and sines have.</summary>
    protected int Positions => ContextLength(Shape);

    /// <summary>Tokens that an exported model can hold: the trained context, up to 262,144.</summary>
    public static int ContextLength(DecoderShape shape) => Math.Min(shape.ContextLength, MaxPositions);

    /// <summary>Adds everything.</summary>
    /// <returns>The graph, whose large tensors are still to be filled.</returns>
    public GraphBuilder Build()
    {
        var emitter = new LinearEmitter(Graph, recipe.IsPlain, ranges);
        Prepare();
        const string embedding = "/model/embed_tokens";
        string hidden = emitter.LookUp(embedding, InputIds, Linear(DecoderModules.Embedding), recipe.Table);
        if (Shape.EmbeddingScale != 1)
            hidden = Graph.Node($"{embedding}/Scale", "Mul", [hidden, Graph.Number("embedding_scale", Shape.EmbeddingScale)]);
        string? addend = null;
        for (int layer = 0; layer < Shape.Layers; layer++)
        {
            string prefix = $"/model/layers.{layer}";
            (string normed, hidden) = PreNorm($"{prefix}/input_layernorm", hidden, addend, In(layer, "input_layernorm"));
            string attended = Attention(layer, $"{prefix}/attn", emitter, normed);
            string output = emitter.Product($"{prefix}/attn/o_proj", attended, Linear(In(layer, "o_proj")), recipe.SchemeOf("o_proj"));
            output = Branch($"{prefix}/attn/post", output, layer, "post_attention_layernorm");
            if (Architecture.IsParallel)
            {
                string beside = Branch($"{prefix}/mlp/post", FeedForward(layer, $"{prefix}/mlp", emitter, normed), layer, "");
                addend = Graph.Node($"{prefix}/Both", "Add", [output, beside]);
                continue;
            }

            string norm = Architecture.HasPostNorms ? "pre_feedforward_layernorm" : "post_attention_layernorm";
            (normed, hidden) = PreNorm($"{prefix}/{norm}", hidden, output, In(layer, norm));
            addend = Branch($"{prefix}/mlp/post", FeedForward(layer, $"{prefix}/mlp", emitter, normed), layer,
                "post_feedforward_layernorm");
        }

        (string last, _) = Architecture.HasLayerNorms ? LayerNorm("/model/norm", hidden, addend, DecoderModules.FinalNorm)
            : Norm("/model/norm", hidden, addend, DecoderModules.FinalNorm, isLast: true);
        string logits = Shape.LogitSoftCap > 0 ? "/lm_head/uncapped" : Logits;
        if (Shape.TiesEmbeddings) emitter.Head("/lm_head", embedding, last, Linear(DecoderModules.Embedding), recipe.Table, logits);
        else emitter.Head("/lm_head", "/lm_head", last, Linear(DecoderModules.Head), recipe.Table, logits);
        if (Shape.LogitSoftCap > 0) Cap("/lm_head/cap", logits, Shape.LogitSoftCap, Logits);
        return Graph;
    }

    /// <summary>Inputs in genai's order.</summary>
    public ImmutableArray<OnnxValue> Inputs()
    {
        var inputs = ImmutableArray.CreateBuilder<OnnxValue>();
        inputs.Add(new OnnxValue(InputIds, OnnxDataType.Int64, ["batch_size", "sequence_length"]));
        inputs.Add(new OnnxValue(AttentionMask, OnnxDataType.Int64, ["batch_size", "total_sequence_length"]));
        for (int layer = 0; layer < Shape.Layers; layer++)
        {
            foreach (string part in (string[])["key", "value"])
                inputs.Add(new OnnxValue(Past(layer, part), recipe.Io, Cache("past_sequence_length")));
        }

        return inputs.ToImmutable();
    }

    /// <summary>Outputs in genai's order.</summary>
    public ImmutableArray<OnnxValue> Outputs()
    {
        var outputs = ImmutableArray.CreateBuilder<OnnxValue>();
        outputs.Add(new OnnxValue(Logits, recipe.Io, ["batch_size", "sequence_length", (long)Shape.Vocabulary]));
        for (int layer = 0; layer < Shape.Layers; layer++)
        {
            foreach (string part in (string[])["key", "value"])
                outputs.Add(new OnnxValue(Present(layer, part), recipe.Io, Cache("total_sequence_length")));
        }

        return outputs.ToImmutable();
    }

    /// <summary>Name of a cache input.</summary>
    protected static string Past(int layer, string part) => $"past_key_values.{layer}.{part}";

    /// <summary>Name of a cache output.</summary>
    protected static string Present(int layer, string part) => $"present.{layer}.{part}";

    /// <summary>Name of a module in a layer.</summary>
    protected static string In(int layer, string part) => DecoderModules.InLayer(layer, part);

    /// <summary>Adds what is made once for all layers.</summary>
    protected abstract void Prepare();

    /// <summary>Adds a residual sum and its norm.</summary>
    /// <param name="name">Prefix of node names.</param>
    /// <param name="residual">The residual stream.</param>
    /// <param name="addend">What is added to it first; null at the start.</param>
    /// <param name="module">The norm's weights.</param>
    /// <param name="isLast">Whether nobody needs the sum.</param>
    /// <returns>The normed value and the new residual stream.</returns>
    protected abstract (string Normed, string Residual) Norm(string name, string residual, string? addend, string module, bool isLast);

    /// <summary>Adds a norm that divides by the root of the mean square.</summary>
    protected abstract string RootMeanSquareNorm(string name, string value, string gamma);

    /// <summary>Adds cap · tanh(value / cap).</summary>
    protected string Cap(string name, string value, float cap, string? output = null)
    {
        string number = Graph.Number($"cap_{cap}", cap);
        string tanh = Graph.Node($"{name}/Tanh", "Tanh", [Graph.Node($"{name}/Div", "Div", [value, number])]);
        return Graph.Node($"{name}/Mul", "Mul", "", [tanh, number], output);
    }

    /// <summary>Adds the choice of some of a value's last dimension.</summary>
    protected string Part(string name, string value, long first, long count) => Graph.Node($"{name}/Slice", "Slice",
        [value, Graph.Ints(first), Graph.Ints(first + count), Graph.Ints(2)]);

    /// <summary>Adds a layer's attention up to the output projection.</summary>
    protected abstract string Attention(int layer, string name, LinearEmitter emitter, string input);

    /// <summary>Weights of one matrix or several.</summary>
    protected LinearWeights Linear(params ReadOnlySpan<string> modules) => new(weights, [.. modules]);

    /// <summary>A norm's weights as a tensor.</summary>
    protected string Gamma(string name, string module, int length)
    {
        float[] norm = weights.Norm(module, length);
        FiniteWeights.Check(norm, weights.Path, module, 0, length);

        // Logits are linear in the last norm's weights.
        if (module == DecoderModules.FinalNorm && Shape.LogitScale != 1) norm = [.. norm.Select(weight => weight * Shape.LogitScale)];
        return Graph.Vector($"{name}.weight", norm);
    }

    /// <summary>How a part is stored.</summary>
    protected WeightScheme SchemeOf(string part) => recipe.SchemeOf(part);

    /// <summary>Tables of cosines and sines, [positions, rotated / 2].</summary>
    /// <param name="windowed">Of layers with a sliding window.</param>
    protected (string Cos, string Sin) RotaryTables(bool windowed = false)
    {
        string cos = windowed ? "cos_cache_local" : "cos_cache", sin = windowed ? "sin_cache_local" : "sin_cache";
        int pairs = Shape.RotatedWidth / 2;
        Graph.Tensor(cos, Graph.Io, [Positions, pairs], sink => FillRotary(sink, cos, sin, pairs, windowed), isWeight: false);
        Graph.Tensor(sin, Graph.Io, [Positions, pairs], fill: null, isWeight: false);
        return (cos, sin);
    }

    private ImmutableArray<OnnxDimension> Cache(string length) => ["batch_size", (long)Shape.KvHeads, length, (long)Shape.HeadWidth];

    private void FillRotary(TensorSink sink, string cosName, string sinName, int pairs, bool windowed)
    {
        const int together = 1024;
        RotaryAngles angles = weights.RopeFactors.Angles(Shape, Shape.ContextLength, windowed);
        float[] table = new float[2 * pairs];
        float[] cos = new float[together * pairs];
        float[] sin = new float[together * pairs];
        for (int first = 0; first < Positions; first += together)
        {
            int count = Math.Min(together, Positions - first);
            for (int p = 0; p < count; p++)
            {
                angles.Fill(first + p, table);
                for (int i = 0; i < pairs; i++) (cos[(p * pairs) + i], sin[(p * pairs) + i]) = (table[2 * i], table[(2 * i) + 1]);
            }

            sink.Append(cosName, Graph.ToIo(cos.AsSpan(0, count * pairs)));
            sink.Append(sinName, Graph.ToIo(sin.AsSpan(0, count * pairs)));
        }
    }

    private string FeedForward(int layer, string name, LinearEmitter emitter, string input)
    {
        if (Shape.HasExperts(layer)) return Experts(layer, name, emitter, input);
        string? gate = null;
        string up;
        if (Architecture.FusesProjections || Architecture.FusesGate)
        {
            string both = emitter.Product($"{name}/gate_up_proj", input, Linear(In(layer, "gate_up_proj")), SchemeOf("gate_up_proj"));
            gate = Part($"{name}/gate", both, 0, Shape.FeedForward);
            up = Part($"{name}/up", both, Shape.FeedForward, Shape.FeedForward);
        }
        else
        {
            if (!Architecture.OmitsGate)
                gate = emitter.Product($"{name}/gate_proj", input, Linear(In(layer, "gate_proj")), SchemeOf("gate_proj"));
            up = emitter.Product($"{name}/up_proj", input, Linear(In(layer, "up_proj")), SchemeOf("up_proj"));
        }

        string act = Activate($"{name}/act_fn", gate ?? up);
        string product = gate is null ? act : Graph.Node($"{name}/Mul", "Mul", [act, up]);
        return emitter.Product($"{name}/down_proj", product, Linear(In(layer, "down_proj")), SchemeOf("down_proj"));
    }

    private string Experts(int layer, string name, LinearEmitter emitter, string input)
    {
        string gate = In(layer, "experts.*.gate_proj"), up = In(layer, "experts.*.up_proj"), down = In(layer, "experts.*.down_proj");
        bool isOpen = Architecture.Experts is { ClampsGate: true };
        float[]? gateBias = weights.ExpertBiases(gate), upBias = weights.ExpertBiases(up);
        var part = new ExpertPart(Shape.Experts, Shape.ExpertsUsed, LinearWeights.OfExperts(weights, gate, up),
            gateBias is null || upBias is null ? null : [.. gateBias.Zip(upBias, (g, u) => (float[])[g, u]).SelectMany(pair => pair)],
            LinearWeights.OfExperts(weights, down), weights.ExpertBiases(down))
        {
            Slope = isOpen ? 1.702f : 1,
            Shift = isOpen ? 1 : 0,
            Limit = isOpen ? 7 : 0,
        };

        // Which experts are chosen is decided in 32 bits, whatever their own weights have.
        string rated = emitter.Product($"{name}/gate", input, Linear(In(layer, "gate")), WeightScheme.Float32);
        string ratings = Graph.Node($"{name}/gate/Flat", "Reshape", [rated, Graph.Ints(-1, Shape.Experts)]);
        string softmax = Graph.Node($"{name}/gate/Softmax", "Softmax", [rated], new OnnxAttribute.Int("axis", -1));
        string best = $"{name}/gate/TopK/output_0";
        Graph.Add(new OnnxNode("TopK", "", $"{name}/gate/TopK", [softmax, Graph.Ints(Shape.ExpertsUsed)],
            [best, $"{name}/gate/TopK/output_1"], [new OnnxAttribute.Int("axis", -1)]));
        string sum = Graph.Node($"{name}/gate/Sum", "ReduceSum", [best, Graph.Ints(-1)]);
        bool keepsShares = Shape.Routing.Weights == ExpertWeights.Softmax;
        WeightScheme scheme = SchemeOf("experts");
        string mixed;
        if (scheme.Kind == WeightKind.Float32)
        {
            mixed = emitter.Experts($"{name}/experts", input, ratings, null, part, scheme);
            if (keepsShares) mixed = Graph.Node($"{name}/experts/Share", "Mul", [mixed, sum]);
        }
        else
        {
            string shares = keepsShares ? softmax : Graph.Node($"{name}/gate/Share", "Div", [softmax, sum]);
            string flat = Graph.Node($"{name}/gate/Share/Flat", "Reshape", [shares, Graph.Ints(-1, Shape.Experts)]);
            mixed = emitter.Experts($"{name}/experts", input, ratings, flat, part, scheme);
        }

        if (Shape.SharedFeedForward == 0) return mixed;
        string shared = $"{name}/shared_expert";
        string act = Activate($"{shared}/act_fn", Shared("gate_proj"));
        string result = emitter.Product($"{shared}/down_proj", Graph.Node($"{shared}/Mul", "Mul", [act, Shared("up_proj")]),
            Linear(In(layer, "shared_expert.down_proj")), SchemeOf("down_proj"));
        string weight = Graph.Vector($"{shared}_gate.weight", weights.Norm(In(layer, "shared_expert_gate"), Shape.Embedding));
        string share = Graph.Node($"{shared}_gate/MatMul", "MatMul", [input, weight]);
        string sigmoid = Graph.Node($"{shared}_gate/Sigmoid", "Sigmoid",
            [Graph.Node($"{shared}_gate/Unsqueeze", "Unsqueeze", [share, Graph.Ints(-1)])]);
        return Graph.Node($"{name}/Add", "Add", [mixed, Graph.Node($"{shared}_gate/Mul", "Mul", [result, sigmoid])]);

        string Shared(string role) =>
            emitter.Product($"{shared}/{role}", input, Linear(In(layer, $"shared_expert.{role}")), SchemeOf(role));
    }

    private string Activate(string name, string value)
    {
        if (Architecture.SquaresRelu)
        {
            string positive = Graph.Node($"{name}/Relu", "Relu", [value]);
            return Graph.Node($"{name}/Mul", "Mul", [positive, positive]);
        }

        // SiLU is x · sigmoid(x); the tanh form of GELU is x · sigmoid(2·sqrt(2/π)·(x + 0.044715·x³)).
        string inner = value;
        if (Architecture.Gelu)
        {
            string square = Graph.Node($"{name}/Square", "Mul", [value, value]);
            string scaled = Graph.Node($"{name}/Cubic", "Mul", [square, Graph.Number("gelu_cubic", 0.071354816f)]);
            string sum = Graph.Node($"{name}/Sum", "Add", [scaled, Graph.Number("gelu_linear", 1.5957691f)]);
            inner = Graph.Node($"{name}/Inner", "Mul", [value, sum]);
        }

        string sigmoid = Graph.Node($"{name}/Sigmoid", "Sigmoid", [inner]);
        return Graph.Node($"{name}/Mul", "Mul", [value, sigmoid]);
    }

    /// <summary>What a part of a layer adds to the residual stream, from what it gives.</summary>
    private string Branch(string name, string value, int layer, string norm)
    {
        if (Architecture.HasPostNorms)
            value = RootMeanSquareNorm($"{name}/norm", value, Gamma($"{name}/norm", In(layer, norm), Shape.Embedding));
        return Shape.ResidualScale == 1 ? value
            : Graph.Node($"{name}/Scale", "Mul", [value, Graph.Number("residual_scale", Shape.ResidualScale)]);
    }

    private (string Normed, string Residual) PreNorm(string name, string residual, string? addend, string module)
    {
        if (Architecture.HasLayerNorms) return LayerNorm(name, residual, addend, module);
        if (!Architecture.OmitsPreNorms) return Norm(name, residual, addend, module, isLast: false);
        string sum = addend is null ? residual : Graph.Node($"{name}/Add", "Add", [residual, addend]);
        return (sum, sum);
    }

    private (string Normed, string Residual) LayerNorm(string name, string residual, string? addend, string module)
    {
        string sum = addend is null ? residual : Graph.Node($"{name}/Add", "Add", [residual, addend]);
        string gamma = Gamma(name, module, Shape.Embedding);
        float[]? bias = weights.Bias(module, Shape.Embedding);
        if (bias is not null && module == DecoderModules.FinalNorm) bias = [.. bias.Select(value => value * Shape.LogitScale)];
        if (bias is not null) FiniteWeights.Check(bias, weights.Path, $"{module}.bias", 0, bias.Length);
        string[] inputs = bias is null ? [sum, gamma] : [sum, gamma, Graph.Vector($"{name}.bias", bias)];
        return (Graph.Node($"{name}/LayerNorm", "LayerNormalization", inputs, new OnnxAttribute.Int("axis", -1),
            new OnnxAttribute.Float("epsilon", Shape.NormEpsilon)), sum);
    }
}
