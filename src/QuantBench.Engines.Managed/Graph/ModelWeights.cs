using QuantBench.Core.Errors;
using QuantBench.Engines.Managed.Kernels;
using QuantBench.Formats.Gguf;

namespace QuantBench.Engines.Managed.Graph;

/// <summary>All weights of a model: matrices stay where the file is mapped, norms and biases are copied as floats.</summary>
internal sealed unsafe class ModelWeights : IDisposable
{
    private readonly GgufReader _file;
    private readonly List<NativeBuffer> _vectors = [];
    private List<NativeBuffer> _repacked = [];
    private long _replacedBytes;

    /// <param name="file">A file that <see cref="ModelShape.Check"/> accepts; disposed with this.</param>
    /// <exception cref="ModelFormatException">A tensor is missing or has the wrong shape.</exception>
    /// <exception cref="EngineException">A tensor's type can't be read.</exception>
    public ModelWeights(GgufReader file)
    {
        _file = file;
        Shape = ModelShape.Read(file);
        GgufTensorInfo embeddings = file.Find("token_embd.weight") ?? throw Missing("token_embd.weight");
        if (embeddings.Dimensions.Length != 2 || embeddings.Dimensions[1] is < 1 or > int.MaxValue / 4) throw Wrong(embeddings, "two dimensions");
        VocabularySize = (int)embeddings.Dimensions[1];
        Embeddings = Matrix("token_embd.weight", VocabularySize, Shape.Embedding);
        Head = file.Find("output.weight") is null ? Embeddings : Matrix("output.weight", VocabularySize, Shape.Embedding);
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
            Head, .. Layers.SelectMany(layer => (Linear[])[layer.Query, layer.Key, layer.Value, layer.Output, layer.Gate, layer.Up, layer.Down])
                .Select(linear => linear.Weights),
        ];
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
        bool fused = _file.Find(prefix + "attn_qkv.weight") is not null;
        string qkv = prefix + "attn_qkv";
        int all = queries + (2 * keys);
        bool fusedGate = _file.Find(prefix + "ffn_gate.weight") is null;
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
        new(Matrix(name + ".weight", rows, columns), OptionalVector(name + ".bias", rows));

    /// <summary>Some rows of a matrix that holds several.</summary>
    private Linear Slice(string name, int first, int rows, int allRows)
    {
        WeightMatrix whole = Matrix(name + ".weight", allRows, Shape.Embedding);
        float* bias = OptionalVector(name + ".bias", allRows);
        return new Linear(new WeightMatrix(whole.Row(first), whole.Type, rows, whole.Columns), bias is null ? null : bias + first);
    }

    private WeightMatrix Matrix(string name, int rows, int columns)
    {
        GgufTensorInfo tensor = _file.Find(name) ?? throw Missing(name);
        if (tensor.Dimensions.Length != 2 || tensor.Dimensions[0] != columns || tensor.Dimensions[1] != rows) throw Wrong(tensor, $"[{columns}, {rows}]");
        if (!RowDecoder.Knows(tensor.Type)) throw new EngineException($"managed: tensors of type {tensor.Type} ('{name}') are not implemented.");
        return new WeightMatrix(Start(tensor), tensor.Type, rows, columns);
    }

    private float* OptionalVector(string name, int length) => _file.Find(name) is null ? null : Vector(name, length);

    private float* Vector(string name, int length)
    {
        GgufTensorInfo tensor = _file.Find(name) ?? throw Missing(name);
        if (tensor.ElementCount != length) throw Wrong(tensor, $"{length} elements");
        if (!RowDecoder.Knows(tensor.Type)) throw new EngineException($"managed: tensors of type {tensor.Type} ('{name}') are not implemented.");
        var buffer = new NativeBuffer((long)length * sizeof(float));
        _vectors.Add(buffer);
        RowDecoder.Decode(tensor.Type, Start(tensor), length, buffer.As<float>(), scalar: true);
        return buffer.As<float>();
    }

    // The span was checked against the file; the map doesn't move, so its address stays good until the file is disposed.
    private byte* Start(GgufTensorInfo tensor)
    {
        fixed (byte* start = _file.Span(tensor, 0, (int)Math.Min(tensor.ByteSize, 1))) return start;
    }

    private ModelFormatException Missing(string name) => new(_file.Files[0], null, $"the tensor '{name}' is missing.", "Convert the model again.");

    private ModelFormatException Wrong(GgufTensorInfo tensor, string expected) => new(
        _file.Files[tensor.Part], tensor.Offset, $"tensor '{tensor.Name}' should have {expected}, but is [{string.Join(", ", tensor.Dimensions)}].", "Convert the model again.");
}
