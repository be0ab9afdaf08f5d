using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Graphs;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Traces;

/// <summary>A plain decoder's weights as floats, for <see cref="TraceLanes"/>.</summary>
internal sealed unsafe class TraceModel
{
    private TraceModel(ModelWeights weights)
    {
        DecoderShape shape = Shape = weights.Shape;
        Embeddings = Floats(weights.Embeddings);
        Head = weights.Head == weights.Embeddings ? Embeddings : Floats(weights.Head);
        OutputNorm = new ReadOnlySpan<float>(weights.OutputNorm.Weights, shape.Embedding).ToArray();
        Frequencies = ExactMath.Frequencies(shape.RopeBase, shape.HeadWidth);
        Layers =
        [
            .. weights.Layers.Select(l => new TraceLayer(
                Floats(l.Query.Weights), Floats(l.Key.Weights), Floats(l.Value.Weights), Floats(l.Output.Weights),
                Floats(l.Common!.Gate!.Weights), Floats(l.Common.Up.Weights), Floats(l.Common.Down.Weights), // plain: checked by Read
                new ReadOnlySpan<float>(l.AttentionNorm.Weights, shape.Embedding).ToArray(),
                new ReadOnlySpan<float>(l.FeedForwardNorm.Weights, shape.Embedding).ToArray())),
        ];
    }

    /// <summary>Sizes.</summary>
    public DecoderShape Shape { get; }

    /// <summary>[vocabulary, width].</summary>
    public float[] Embeddings { get; }

    /// <summary>[vocabulary, width].</summary>
    public float[] Head { get; }

    /// <summary>[width].</summary>
    public float[] OutputNorm { get; }

    /// <summary>[head width / 2].</summary>
    public double[] Frequencies { get; }

    /// <summary>The layers.</summary>
    public TraceLayer[] Layers { get; }

    /// <summary>Reads a model's directory.</summary>
    /// <exception cref="UnsupportedException">Its graph has a step that a trace doesn't compute.</exception>
    /// <exception cref="ModelFormatException">A file is missing or broken.</exception>
    public static TraceModel Read(string directory)
    {
        IModelFile file = Sources.ModelFile.Open(directory);
        if (DecoderShape.Refusal(file) is { } refusal)
        {
            file.Dispose();
            throw Unfit(directory, refusal);
        }

        using var weights = new ModelWeights(file);
        DecoderShape s = weights.Shape;
        bool plain = s.Architecture.IsPlain && s.Experts == 0 && s.NeoxRope
            && s.RopeScaling is { FrequencyScale: 1, Yarn: false, AttentionFactor: 1 }
            && weights.RopeFactors is { Always: null, Long: null, Short: null } && s.RotatedWidth == s.HeadWidth
            && weights.Layers.All(l => l.QueryNorm is null && l.KeyNorm is null
                && l.Linears.All(m => m.Bias is null));
        bool fits = int.IsPow2(s.HeadWidth) && new[] { s.Vocabulary, s.Embedding, s.FeedForward, s.KeyWidth }.All(n => n % 4 == 0);
        return plain && fits ? new TraceModel(weights)
            : throw Unfit(directory, "traces are sampled from plain llama-shaped directories of floats only");
    }

    private static UnsupportedException Unfit(string directory, string reason) =>
        new(directory, reason, "Name another model in the dataset's descriptor.");

    private static float[] Floats(WeightMatrix matrix)
    {
        float[] all = new float[(long)matrix.Rows * matrix.Columns];
        for (int row = 0; row < matrix.Rows; row++)
        {
            Span<float> output = all.AsSpan(row * matrix.Columns, matrix.Columns);
            if (matrix.Source is { } source) source.ReadRows(matrix.FirstRow + row, 1, output);
            else GgmlTypes.Codec(matrix.Type).Dequantize(new ReadOnlySpan<byte>(matrix.Row(row), (int)matrix.RowBytes), output);
        }

        return all;
    }
}
