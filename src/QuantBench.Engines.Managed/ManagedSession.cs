using QuantBench.Core.Errors;
using QuantBench.Engines.Managed.Graph;
using QuantBench.Engines.Managed.Kernels;
using QuantBench.Engines.Managed.Memory;
using QuantBench.Engines.Managed.Threads;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.Managed;

/// <summary>Token sequences, their cache and the threads that compute them.</summary>
internal sealed unsafe class ManagedSession : IInferenceSession
{
    private readonly PreparedWeights _weights;
    private readonly SequenceLengths _lengths;
    private readonly WorkerPool _pool;
    private readonly KvCache _cache;
    private readonly Transformer _transformer;
    private NativeBuffer _logits;
    private int _rows;
    private int _rowCapacity;
    private bool _unusable;

    /// <param name="weights">The model; outlives this.</param>
    /// <param name="kernels">The arithmetic.</param>
    /// <param name="options">Sizes.</param>
    /// <param name="roundsLayers">Whether what passes from layer to layer is rounded to 16 bits.</param>
    public ManagedSession(PreparedWeights weights, KernelSet kernels, SessionOptions options, bool roundsLayers = false)
    {
        _weights = weights;
        _lengths = new SequenceLengths("managed", options, weights.VocabularySize);
        _cache = new KvCache(kernels, weights.Shape, _lengths, options.ContextLength, options.KvType,
            options.KvTypeOfValues ?? options.KvType);
        _pool = new WorkerPool(options.Threads);
        int capacity =
            Math.Min(Math.Min(options.MicroBatchTokens, options.BatchTokens), checked(options.ContextLength * options.Sequences));
        _transformer = new Transformer(weights, kernels, _pool, _cache, capacity, options.ContextLength)
        {
            RoundsLayers = roundsLayers,
        };
        _rowCapacity = 1;
        _logits = new NativeBuffer((long)weights.VocabularySize * sizeof(float));
        MicroBatch = capacity;
    }

    /// <inheritdoc />
    public EngineMemory Memory => new(_weights.MemoryBytes, _cache.MemoryBytes, _transformer.MemoryBytes + _logits.Bytes, null);

    private int MicroBatch { get; }

    /// <inheritdoc />
    public void Append(TokenBatch batch, CancellationToken cancellationToken)
    {
        if (_unusable) throw new EngineException("managed: this session was cancelled and can't be used any more.");
        _lengths.Check(batch);
        if (batch.LogitRows > _rowCapacity)
        {
            _logits.Dispose();
            _rowCapacity = batch.LogitRows;
            _logits = new NativeBuffer((long)_rowCapacity * _weights.VocabularySize * sizeof(float));
        }

        _rows = 0;
        try
        {
            for (int first = 0; first < batch.Count; first += MicroBatch)
            {
                int count = Math.Min(MicroBatch, batch.Count - first);
                float* logits = _logits.As<float>() + ((long)_rows * _weights.VocabularySize);
                _rows += _transformer.Forward(batch, first, count, logits, cancellationToken);
            }
        }
        catch
        {
            _unusable = true;
            _rows = 0;
            throw;
        }
    }

    /// <inheritdoc />
    public ReadOnlySpan<float> Logits(int row)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, _rows);
        return new ReadOnlySpan<float>(_logits.As<float>() + ((long)row * _weights.VocabularySize), _weights.VocabularySize);
    }

    /// <inheritdoc />
    public void Reset()
    {
        _lengths.Clear();
        _rows = 0;
    }

    /// <inheritdoc />
    public void Truncate(int sequence, int length) => _lengths.Truncate(sequence, length);

    /// <inheritdoc />
    public void Dispose()
    {
        _pool.Dispose();
        _transformer.Dispose();
        _cache.Dispose();
        _logits.Dispose();
    }
}
