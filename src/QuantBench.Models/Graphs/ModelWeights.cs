using System.Runtime.InteropServices;
using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Architectures;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Graphs;

/// <summary>All weights of a model: matrices stay where the file is mapped, norms and biases are copied as floats.</summary>
public unsafe class ModelWeights : IDisposable
{
    private const int CacheLine = 64;

    private readonly IModelFile _file;
    private readonly List<nint> _vectors = [];
    private long _turnedBytes;

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

            // Logits are linear in the last norm's weights and bias.
            for (int i = 0; i < Shape.Embedding; i++)
            {
                OutputNorm.Weights[i] *= Shape.LogitScale;
                if (OutputNorm.Bias is not null) OutputNorm.Bias[i] *= Shape.LogitScale;
            }

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
    public virtual long MemoryBytes => _file.TensorBytes + _turnedBytes;

    /// <summary>[vocabulary, width].</summary>
    public WeightMatrix Embeddings { get; }

    /// <summary>[vocabulary, width]; the embeddings where the model has no own.</summary>
    public WeightMatrix Head { get; }

    /// <summary>[width]; holds the factor of logits, too.</summary>
    public Norm OutputNorm { get; }

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
        Norm attentionNorm = preNorms ? Norm(DecoderRole.AttentionNorm, layer, Shape.Embedding) : default;
        DecoderRole feedForwardNorm = Shape.Architecture.NamesPreNormPost ? DecoderRole.PostAttentionNorm : DecoderRole.FeedForwardNorm;
        Linear Linear(DecoderRole role, int rows, int columns) => Slice(role, layer, 0, rows, rows, columns);
        Linear Part(DecoderRole role, int first, int rows, int allRows) => Slice(role, layer, first, rows, allRows, Shape.Embedding);
        bool latent = Shape.Latent is not null;
        Linear? key = latent ? Linear(DecoderRole.KeyValueDown, Shape.HeadWidth, Shape.Embedding) : null;
        return new Layer
        {
            Query = latent ? LatentQuery(layer) : fused ? Part(DecoderRole.QueryKeyValue, 0, queries, all)
                : Linear(DecoderRole.Query, queries, Shape.Embedding),
            Key = key ?? (fused ? Part(DecoderRole.QueryKeyValue, queries, keys, all) : Linear(DecoderRole.Key, keys, Shape.Embedding)),
            Value = key ?? (fused ? Part(DecoderRole.QueryKeyValue, queries + keys, keys, all)
                : Linear(DecoderRole.Value, keys, Shape.Embedding)),
            Latent = Shape.Latent is { } sizes ? ReadLatent(layer, sizes) : null,
            Output = Linear(DecoderRole.AttentionOutput, Shape.Embedding, Shape.MixedWidth),
            Common = !Shape.HasExperts(layer) ? ReadFeedForward(layer) : Shape.SharedFeedForward > 0 ? ReadShared(layer) : null,
            Experts = Shape.HasExperts(layer) ? ReadExperts(layer) : null,
            Sinks = sinks ? Vector($"{DecoderModule.GgufName(DecoderRole.Sinks, layer)}.weight", Shape.Heads) : null,
            AttentionNorm = attentionNorm,
            FeedForwardNorm = !preNorms || Shape.Architecture.IsParallel ? attentionNorm : Norm(feedForwardNorm, layer, Shape.Embedding),
            QueryNorm = OptionalNorm(DecoderRole.QueryNorm, layer, wholeNorms ? queries : Shape.HeadWidth),
            KeyNorm = OptionalNorm(DecoderRole.KeyNorm, layer, wholeNorms ? keys : Shape.HeadWidth),
            PostAttentionNorm = feedForwardNorm == DecoderRole.PostAttentionNorm ? null
                : OptionalNorm(DecoderRole.PostAttentionNorm, layer, Shape.Embedding),
            PostFeedForwardNorm = OptionalNorm(DecoderRole.PostFeedForwardNorm, layer, Shape.Embedding),
        };
    }

    private bool CompressesQueries(int layer) => Has(DecoderRole.QueryDown, layer);

    private Linear LatentQuery(int layer)
    {
        LatentSizes sizes = Shape.Latent!; // asked for where there is latent attention
        int rows = Shape.Heads * sizes.HeadWidth;
        return CompressesQueries(layer) ? Slice(DecoderRole.QueryUp, layer, 0, rows, rows, sizes.QueryRank)
            : Slice(DecoderRole.Query, layer, 0, rows, rows, Shape.Embedding);
    }

    private LatentAttention ReadLatent(int layer, LatentSizes sizes)
    {
        bool compresses = CompressesQueries(layer), isSplit = Has(DecoderRole.KeyUp, layer);
        int both = sizes.PlainWidth + sizes.ValueWidth;
        WeightMatrix? whole = isSplit ? null : Matrix(DecoderRole.KeyValueUp, layer, Shape.Heads * both, sizes.KeyRank);
        WeightMatrix[] Split(DecoderRole role, int rows, int columns) =>
            _file.Matrices(DecoderModule.GgufName(role, layer), Shape.Heads, rows, columns);
        IEnumerable<int> heads = Enumerable.Range(0, Shape.Heads);
        return new LatentAttention
        {
            QueryDown = compresses ? Slice(DecoderRole.QueryDown, layer, 0, sizes.QueryRank, sizes.QueryRank, Shape.Embedding) : null,
            QueryNorm = compresses ? Norm(DecoderRole.QueryDownNorm, layer, sizes.QueryRank).Weights : null,
            KeyNorm = Norm(DecoderRole.KeyValueNorm, layer, sizes.KeyRank).Weights,
            KeyUp = whole is null ? Split(DecoderRole.KeyUp, sizes.KeyRank, sizes.PlainWidth)
                : [.. heads.Select(head => Turned(whole.Slice(head * both, sizes.PlainWidth)))],
            ValueUp = whole is null ? Split(DecoderRole.ValueUp, sizes.ValueWidth, sizes.KeyRank)
                : [.. heads.Select(head => whole.Slice((head * both) + sizes.PlainWidth, sizes.ValueWidth))],
        };
    }

    /// <summary>A matrix's columns as rows, in floats: blocks can't be turned.</summary>
    private WeightMatrix Turned(WeightMatrix matrix)
    {
        float* turned = Allocate(matrix.Rows * matrix.Columns);
        _turnedBytes += (long)matrix.Rows * matrix.Columns * sizeof(float);
        float[] row = new float[matrix.Columns];
        for (int r = 0; r < matrix.Rows; r++)
        {
            if (matrix.Source is { } source) source.ReadRows(matrix.FirstRow + r, 1, row);
            else GgmlTypes.Codec(matrix.Type).Dequantize(new ReadOnlySpan<byte>(matrix.Row(r), (int)matrix.RowBytes), row);
            for (int c = 0; c < row.Length; c++) turned[((long)c * matrix.Rows) + r] = row[c];
        }

        return new WeightMatrix((byte*)turned, GgmlType.F32, matrix.Columns, matrix.Rows);
    }

    private FeedForward ReadFeedForward(int layer)
    {
        int width = Shape.FeedForward, hidden = Shape.Embedding;
        Linear down = Slice(DecoderRole.Down, layer, 0, hidden, hidden, width);
        if (Shape.Architecture.OmitsGate) return new FeedForward(null, Slice(DecoderRole.Up, layer, 0, width, width, hidden), down);
        return Has(DecoderRole.Gate, layer)
            ? new FeedForward(Slice(DecoderRole.Gate, layer, 0, width, width, hidden),
                Slice(DecoderRole.Up, layer, 0, width, width, hidden),
                down)
            : new FeedForward(Slice(DecoderRole.GateUp, layer, 0, width, 2 * width, hidden),
                Slice(DecoderRole.GateUp, layer, width, width, 2 * width, hidden), down);
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
        string choice = $"{DecoderModule.GgufName(DecoderRole.RouterBias, layer)}.bias";
        return new Experts
        {
            Router = Slice(DecoderRole.Router, layer, 0, Shape.Experts, Shape.Experts, hidden),
            Gate = All(DecoderRole.GateExperts, layer, width, hidden),
            Up = All(DecoderRole.UpExperts, layer, width, hidden),
            Down = All(DecoderRole.DownExperts, layer, hidden, width),
            CommonRouter = Shape.SharedFeedForward > 0 && Shape.Architecture.Experts is { HasSharedRouter: true }
                ? Vector($"{DecoderModule.GgufName(DecoderRole.SharedRouter, layer)}.weight", hidden) : null,
            ChoiceBias = _file.Contains(choice) ? Vector(choice, Shape.Experts) : null,
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

    private Norm Norm(DecoderRole role, int layer, int length)
    {
        string name = DecoderModule.GgufName(role, layer);
        return new Norm(Vector($"{name}.weight", length),
            Shape.Architecture.HasNormBiases ? Vector($"{name}.bias", length) : null);
    }

    private float* OptionalNorm(DecoderRole role, int layer, int length) =>
        Has(role, layer) ? Vector($"{DecoderModule.GgufName(role, layer)}.weight", length) : null;

    private float* Vector(string name, int length)
    {
        float[] values = _file.Vector(name, length);
        float* start = Allocate(length);
        values.CopyTo(new Span<float>(start, length));
        return start;
    }

    private float* Allocate(int length)
    {
        // A cache line more than asked for: kernels may read one vector past the end.
        nuint bytes = ((nuint)length * sizeof(float)) + CacheLine;
        float* start = (float*)NativeMemory.AlignedAlloc(bytes, CacheLine);
        _vectors.Add((nint)start);
        NativeMemory.Clear(start, bytes);
        return start;
    }
}
