using System.Runtime.InteropServices;
using QuantBench.Core.Errors;
using QuantBench.Models.Architectures;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Graphs;

/// <summary>All weights of a model: matrices stay where the file is mapped, norms and biases are copied as floats.</summary>
public unsafe class ModelWeights : IDisposable
{
    private const int CacheLine = 64;

    private readonly IModelFile _file;
    private readonly List<nint> _vectors = [];

    /// <summary>Finds all weights.</summary>
    /// <param name="file">A file that <see cref="DecoderShape.Refusal"/> accepts; disposed with this, and when this fails.</param>
    /// <exception cref="ModelFormatException">A tensor is missing, has the wrong shape or a type that can't be read.</exception>
    public ModelWeights(IModelFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        _file = file;
        try
        {
            Shape = DecoderShape.Read(file);
            Embeddings = Matrix(DecoderRole.Embedding, 0, Shape.Vocabulary, Shape.Embedding);
            Head = Shape.TiesEmbeddings ? Embeddings : Matrix(DecoderRole.Head, 0, Shape.Vocabulary, Shape.Embedding);
            OutputNorm = Norm(DecoderRole.FinalNorm, 0, Shape.Embedding);

            // Logits are linear in the last norm's weights.
            for (int i = 0; i < Shape.Embedding; i++) OutputNorm[i] *= Shape.LogitScale;
            RopeFactors = RotaryFactors.Read(file, Shape);
            Layers = new Layer[Shape.Layers];
            for (int i = 0; i < Layers.Length; i++) Layers[i] = ReadLayer(i);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The model's sizes.</summary>
    public DecoderShape Shape { get; }

    /// <summary>Number of tokens in the vocabulary.</summary>
    public int VocabularySize => Shape.Vocabulary;

    /// <summary>Number of weights.</summary>
    public long ParameterCount => _file.ParameterCount;

    /// <summary>Bytes of all weights, as they lie in memory.</summary>
    public virtual long MemoryBytes => _file.TensorBytes;

    /// <summary>[vocabulary, width].</summary>
    public WeightMatrix Embeddings { get; }

    /// <summary>[vocabulary, width]; the embeddings where the model has no own.</summary>
    public WeightMatrix Head { get; }

    /// <summary>[width]; holds the factor of logits, too.</summary>
    public float* OutputNorm { get; }

    /// <summary>The layers.</summary>
    public Layer[] Layers { get; }

    /// <summary>Divisors of rotary angles.</summary>
    public RotaryFactors RopeFactors { get; }

    /// <summary>Unmaps the file.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Unmaps the file.</summary>
    /// <param name="disposing">Always true: there is no finaliser.</param>
    protected virtual void Dispose(bool disposing)
    {
        foreach (nint vector in _vectors) NativeMemory.AlignedFree((void*)vector);
        _vectors.Clear();
        _file.Dispose();
    }

    private Layer ReadLayer(int layer)
    {
        int queries = Shape.QueryWidth, keys = Shape.KeyWidth, all = queries + (2 * keys);
        bool fused = Has(DecoderRole.QueryKeyValue, layer), sinks = Shape.Architecture.HasSinks;
        bool preNorms = !Shape.Architecture.OmitsPreNorms, wholeNorms = Shape.Architecture.HasProjectionNorms;
        DecoderRole feedForwardNorm = Shape.Architecture.NamesPreNormPost ? DecoderRole.PostAttentionNorm : DecoderRole.FeedForwardNorm;
        Linear Linear(DecoderRole role, int rows, int columns) => Slice(role, layer, 0, rows, rows, columns);
        Linear Part(DecoderRole role, int first, int rows, int allRows) => Slice(role, layer, first, rows, allRows, Shape.Embedding);
        return new Layer
        {
            Query = fused ? Part(DecoderRole.QueryKeyValue, 0, queries, all) : Linear(DecoderRole.Query, queries, Shape.Embedding),
            Key = fused ? Part(DecoderRole.QueryKeyValue, queries, keys, all) : Linear(DecoderRole.Key, keys, Shape.Embedding),
            Value = fused ? Part(DecoderRole.QueryKeyValue, queries + keys, keys, all) : Linear(DecoderRole.Value, keys, Shape.Embedding),
            Output = Linear(DecoderRole.AttentionOutput, Shape.Embedding, queries),
            Common = Shape.Experts == 0 ? ReadFeedForward(layer) : Shape.SharedFeedForward > 0 ? ReadShared(layer) : null,
            Experts = Shape.Experts > 0 ? ReadExperts(layer) : null,
            Sinks = sinks ? Norm(DecoderRole.Sinks, layer, Shape.Heads) : null,
            AttentionNorm = preNorms ? Norm(DecoderRole.AttentionNorm, layer, Shape.Embedding) : null,
            FeedForwardNorm = preNorms ? Norm(feedForwardNorm, layer, Shape.Embedding) : null,
            QueryNorm = OptionalNorm(DecoderRole.QueryNorm, layer, wholeNorms ? queries : Shape.HeadWidth),
            KeyNorm = OptionalNorm(DecoderRole.KeyNorm, layer, wholeNorms ? keys : Shape.HeadWidth),
            PostAttentionNorm = feedForwardNorm == DecoderRole.PostAttentionNorm ? null
                : OptionalNorm(DecoderRole.PostAttentionNorm, layer, Shape.Embedding),
            PostFeedForwardNorm = OptionalNorm(DecoderRole.PostFeedForwardNorm, layer, Shape.Embedding),
        };
    }

    private FeedForward ReadFeedForward(int layer)
    {
        int width = Shape.FeedForward, hidden = Shape.Embedding;
        return Has(DecoderRole.Gate, layer)
            ? new FeedForward(Slice(DecoderRole.Gate, layer, 0, width, width, hidden),
                Slice(DecoderRole.Up, layer, 0, width, width, hidden),
                Slice(DecoderRole.Down, layer, 0, hidden, hidden, width))
            : new FeedForward(Slice(DecoderRole.GateUp, layer, 0, width, 2 * width, hidden),
                Slice(DecoderRole.GateUp, layer, width, width, 2 * width, hidden),
                Slice(DecoderRole.Down, layer, 0, hidden, hidden, width));
    }

    private FeedForward ReadShared(int layer)
    {
        int width = Shape.SharedFeedForward, hidden = Shape.Embedding;
        return new FeedForward(Slice(DecoderRole.SharedGate, layer, 0, width, width, hidden),
            Slice(DecoderRole.SharedUp, layer, 0, width, width, hidden), Slice(DecoderRole.SharedDown, layer, 0, hidden, hidden, width));
    }

    private Experts ReadExperts(int layer)
    {
        int width = Shape.ExpertFeedForward, hidden = Shape.Embedding;
        return new Experts
        {
            Router = Slice(DecoderRole.Router, layer, 0, Shape.Experts, Shape.Experts, hidden),
            Gate = All(DecoderRole.GateExperts, layer, width, hidden),
            Up = All(DecoderRole.UpExperts, layer, width, hidden),
            Down = All(DecoderRole.DownExperts, layer, hidden, width),
            CommonRouter = Shape.SharedFeedForward > 0 ? Norm(DecoderRole.SharedRouter, layer, hidden) : null,
        };
    }

    /// <summary>The matrices of all experts.</summary>
    private Linear[] All(DecoderRole role, int layer, int rows, int columns)
    {
        string name = DecoderModule.GgufName(role, layer);
        WeightMatrix[] matrices = _file.Matrices(name, Shape.Experts, rows, columns);
        float* biases = _file.Contains($"{name}.bias") ? Vector($"{name}.bias", Shape.Experts * rows) : null;
        return [.. matrices.Select((matrix, i) => new Linear(matrix, biases is null ? null : biases + ((long)i * rows)))];
    }

    private bool Has(DecoderRole role, int layer) => _file.Contains($"{DecoderModule.GgufName(role, layer)}.weight");

    private WeightMatrix Matrix(DecoderRole role, int layer, int rows, int columns) =>
        _file.Matrix(DecoderModule.GgufName(role, layer), rows, columns);

    /// <summary>Some rows of a matrix, which may hold several.</summary>
    private Linear Slice(DecoderRole role, int layer, int first, int rows, int allRows, int columns)
    {
        string name = $"{DecoderModule.GgufName(role, layer)}.bias";
        WeightMatrix matrix = Matrix(role, layer, allRows, columns);
        return new Linear(rows == allRows ? matrix : matrix.Slice(first, rows),
            _file.Contains(name) ? Vector(name, allRows) + first : null);
    }

    private float* Norm(DecoderRole role, int layer, int length) => Vector($"{DecoderModule.GgufName(role, layer)}.weight", length);

    private float* OptionalNorm(DecoderRole role, int layer, int length) => Has(role, layer) ? Norm(role, layer, length) : null;

    private float* Vector(string name, int length)
    {
        float[] values = _file.Vector(name, length);

        // A cache line more than asked for: kernels may read one vector past the end.
        nuint bytes = ((nuint)length * sizeof(float)) + CacheLine;
        float* start = (float*)NativeMemory.AlignedAlloc(bytes, CacheLine);
        _vectors.Add((nint)start);
        NativeMemory.Clear(start, bytes);
        values.CopyTo(new Span<float>(start, length));
        return start;
    }
}
