using QuantBench.Core.Errors;
using QuantBench.Engines.Managed.Files;
using QuantBench.Engines.Managed.Kernels;

namespace QuantBench.Engines.Managed.Graph;

/// <summary>All weights of a model: matrices stay where the file is mapped, norms and biases are copied as floats.</summary>
internal sealed unsafe class ModelWeights : IDisposable
{
    private readonly IModelFile _file;
    private readonly List<NativeBuffer> _vectors = [];
    private List<NativeBuffer> _repacked = [];
    private long _replacedBytes;

    /// <param name="file">A file that <see cref="ModelShape.Check"/> accepts; disposed with this.</param>
    /// <exception cref="ModelFormatException">A tensor is missing or has the wrong shape.</exception>
    /// <exception cref="EngineException">A tensor's type can't be read.</exception>
    public ModelWeights(IModelFile file)
    {
        _file = file;
        Shape = ModelShape.Read(file);
        Embeddings = file.Matrix("token_embd", null, Shape.Embedding);
        VocabularySize = Embeddings.Rows;
        Head = file.Contains("output.weight") ? file.Matrix("output", VocabularySize, Shape.Embedding) : Embeddings;
        OutputNorm = Vector("output_norm.weight", Shape.Embedding);
        RopeFactors = OptionalVector("rope_freqs.weight", Shape.RotatedWidth / 2);
        LongRopeFactors = OptionalVector("rope_factors_long.weight", Shape.RotatedWidth / 2);
        ShortRopeFactors = OptionalVector("rope_factors_short.weight", Shape.RotatedWidth / 2);
        Layers = new Layer[Shape.Layers];
        for (int i = 0; i < Layers.Length; i++) Layers[i] = ReadLayer($"blk.{i}.");
    }

    /// <summary>The model's sizes.</summary>
    public ModelShape Shape { get; }

    /// <summary>Number of tokens in the vocabulary.</summary>
    public int VocabularySize { get; }

    /// <summary>Number of weights.</summary>
    public long ParameterCount => _file.ParameterCount;

    /// <summary>Bytes of all weights, as they lie in memory.</summary>
    public long MemoryBytes => _file.TensorBytes - _replacedBytes + _repacked.Sum(buffer => buffer.Bytes);

    /// <summary>[vocabulary, width].</summary>
    public WeightMatrix Embeddings { get; }

    /// <summary>[vocabulary, width]; the embeddings where the model has no own.</summary>
    public WeightMatrix Head { get; }

    /// <summary>[width].</summary>
    public float* OutputNorm { get; }

    /// <summary>[rotated width / 2] divisors of RoPE angles, or null.</summary>
    public float* RopeFactors { get; }

    /// <summary>Divisors for contexts longer than the original, or null.</summary>
    public float* LongRopeFactors { get; }

    /// <summary>Divisors for contexts up to the original length, or null.</summary>
    public float* ShortRopeFactors { get; }

    /// <summary>The layers.</summary>
    public Layer[] Layers { get; }

    /// <summary>Lays matrices out as the kernels want them; called once.</summary>
    /// <param name="kernels">The kernels.</param>
    /// <param name="threads">Threads.</param>
    /// <param name="cancellationToken">Stops between matrices.</param>
    public void Repack(KernelSet kernels, int threads, CancellationToken cancellationToken)
    {
        WeightMatrix[] matrices =
        [
            Head, .. Layers.SelectMany(layer =>
                (Linear[])[layer.Query, layer.Key, layer.Value, layer.Output, layer.Gate, layer.Up, layer.Down])
                .Select(linear => linear.Weights),
        ];
        matrices = [.. matrices.Where(matrix => matrix.Source is null)];
        _repacked = Repacker.Run(kernels, matrices, threads, cancellationToken);
        _replacedBytes = matrices.Where(matrix => matrix.Repacked is not null).Sum(matrix => matrix.RowBytes * matrix.Rows);
    }

    /// <summary>Unmaps the file.</summary>
    public void Dispose()
    {
        foreach (NativeBuffer buffer in _repacked) buffer.Dispose();
        foreach (NativeBuffer vector in _vectors) vector.Dispose();
        _file.Dispose();
    }

    private Layer ReadLayer(string prefix)
    {
        int queries = Shape.Heads * Shape.HeadWidth, keys = Shape.KvHeads * Shape.HeadWidth;
        bool fused = _file.Contains(prefix + "attn_qkv.weight");
        string qkv = prefix + "attn_qkv";
        int all = queries + (2 * keys);
        bool fusedGate = !_file.Contains(prefix + "ffn_gate.weight");
        string up = prefix + "ffn_up";
        int width = Shape.FeedForward;
        return new Layer
        {
            Query = fused ? Slice(qkv, 0, queries, all) : Linear(prefix + "attn_q", queries, Shape.Embedding),
            Key = fused ? Slice(qkv, queries, keys, all) : Linear(prefix + "attn_k", keys, Shape.Embedding),
            Value = fused ? Slice(qkv, queries + keys, keys, all) : Linear(prefix + "attn_v", keys, Shape.Embedding),
            Output = Linear(prefix + "attn_output", Shape.Embedding, queries),
            Gate = fusedGate ? Slice(up, 0, width, 2 * width) : Linear(prefix + "ffn_gate", width, Shape.Embedding),
            Up = fusedGate ? Slice(up, width, width, 2 * width) : Linear(up, width, Shape.Embedding),
            Down = Linear(prefix + "ffn_down", Shape.Embedding, width),
            AttentionNorm = Vector(prefix + "attn_norm.weight", Shape.Embedding),
            FeedForwardNorm = Vector(prefix + "ffn_norm.weight", Shape.Embedding),
            QueryNorm = OptionalVector(prefix + "attn_q_norm.weight", Shape.HeadWidth),
            KeyNorm = OptionalVector(prefix + "attn_k_norm.weight", Shape.HeadWidth),
            PostAttentionNorm = OptionalVector(prefix + "post_attention_norm.weight", Shape.Embedding),
            PostFeedForwardNorm = OptionalVector(prefix + "post_ffw_norm.weight", Shape.Embedding),
        };
    }

    private Linear Linear(string name, int rows, int columns) =>
        new(_file.Matrix(name, rows, columns), OptionalVector(name + ".bias", rows));

    /// <summary>Some rows of a matrix that holds several.</summary>
    private Linear Slice(string name, int first, int rows, int allRows)
    {
        float* bias = OptionalVector(name + ".bias", allRows);
        return new Linear(_file.Matrix(name, allRows, Shape.Embedding).Slice(first, rows), bias is null ? null : bias + first);
    }

    private float* OptionalVector(string name, int length) => _file.Contains(name) ? Vector(name, length) : null;

    private float* Vector(string name, int length)
    {
        var buffer = new NativeBuffer((long)length * sizeof(float));
        _vectors.Add(buffer);
        _file.CopyVector(name, length, buffer.As<float>());
        return buffer.As<float>();
    }
}
