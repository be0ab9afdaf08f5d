using System.Collections.Immutable;
using QuantBench.Engines.OnnxRuntime.Export.Calibration;
using QuantBench.Formats.Onnx;
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
        string? addend = null;
        for (int layer = 0; layer < Shape.Layers; layer++)
        {
            string prefix = $"/model/layers.{layer}";
            (string normed, hidden) = Norm($"{prefix}/input_layernorm", hidden, addend, In(layer, "input_layernorm"), isLast: false);
            string attended = Attention(layer, $"{prefix}/attn", emitter, normed);
            string output = emitter.Product($"{prefix}/attn/o_proj", attended, Linear(In(layer, "o_proj")), recipe.SchemeOf("o_proj"));
            (normed,
                hidden) = Norm($"{prefix}/post_attention_layernorm", hidden, output, In(layer, "post_attention_layernorm"), isLast: false);
            addend = FeedForward(layer, $"{prefix}/mlp", emitter, normed);
        }

        (string last, _) = Norm("/model/norm", hidden, addend, DecoderModules.FinalNorm, isLast: true);
        if (Shape.TiesEmbeddings) emitter.Head("/lm_head", embedding, last, Linear(DecoderModules.Embedding), recipe.Table, Logits);
        else emitter.Head("/lm_head", "/lm_head", last, Linear(DecoderModules.Head), recipe.Table, Logits);
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

    /// <summary>Adds a layer's attention up to the output projection.</summary>
    protected abstract string Attention(int layer, string name, LinearEmitter emitter, string input);

    /// <summary>Weights of one matrix or several.</summary>
    protected LinearWeights Linear(params ReadOnlySpan<string> modules) => new(weights, [.. modules]);

    /// <summary>A norm's weights as a tensor.</summary>
    protected string Gamma(string name, string module, int length)
    {
        float[] norm = weights.Norm(module, length);
        FiniteWeights.Check(norm, weights.Path, module, 0, length);
        return Graph.Vector($"{name}.weight", norm);
    }

    /// <summary>How a part is stored.</summary>
    protected WeightScheme SchemeOf(string part) => recipe.SchemeOf(part);

    /// <summary>Tables of cosines and sines, [positions, size / 2].</summary>
    protected (string Cos, string Sin) RotaryTables()
    {
        const string cos = "cos_cache", sin = "sin_cache";
        int pairs = Shape.HeadWidth / 2;
        Graph.Tensor(cos, Graph.Io, [Positions, pairs], sink => FillRotary(sink, cos, sin, pairs), isWeight: false);
        Graph.Tensor(sin, Graph.Io, [Positions, pairs], fill: null, isWeight: false);
        return (cos, sin);
    }

    private ImmutableArray<OnnxDimension> Cache(string length) => ["batch_size", (long)Shape.KvHeads, length, (long)Shape.HeadWidth];

    private void FillRotary(TensorSink sink, string cosName, string sinName, int pairs)
    {
        const int together = 1024;
        RotaryAngles angles = weights.RopeFactors.Angles(Shape, Shape.ContextLength);
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
        string gate = emitter.Product($"{name}/gate_proj", input, Linear(In(layer, "gate_proj")), SchemeOf("gate_proj"));
        string up = emitter.Product($"{name}/up_proj", input, Linear(In(layer, "up_proj")), SchemeOf("up_proj"));
        string sigmoid = Graph.Node($"{name}/act_fn/Sigmoid", "Sigmoid", [gate]);
        string act = Graph.Node($"{name}/act_fn/Mul", "Mul", [gate, sigmoid]);
        string product = Graph.Node($"{name}/Mul", "Mul", [act, up]);
        return emitter.Product($"{name}/down_proj", product, Linear(In(layer, "down_proj")), SchemeOf("down_proj"));
    }
}
