using ILGPU;
using ILGPU.Runtime;
using QuantBench.Core.Errors;
using QuantBench.Engines.Ilgpu.Devices;
using QuantBench.Engines.Ilgpu.Graph;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.Ilgpu;

/// <summary>Token sequences and their cache on a device.</summary>
internal sealed class IlgpuSession : IInferenceSession
{
    private readonly DeviceMemory _device;
    private readonly DeviceWeights _weights;
    private readonly SessionOptions _options;
    private readonly DeviceCache _cache;
    private readonly DeviceTransformer _transformer;
    private readonly SequenceLengths _lengths;
    private readonly int[] _control;
    private readonly int _microBatch;
    private float[] _logits;
    private int _rows;
    private bool _unusable;

    /// <param name="device">The device.</param>
    /// <param name="kernels">Its kernels.</param>
    /// <param name="weights">The model; outlives this.</param>
    /// <param name="options">Sizes.</param>
    public IlgpuSession(DeviceMemory device, GraphKernels kernels, DeviceWeights weights, SessionOptions options)
    {
        (_device, _weights, _options) = (device, weights, options);
        _microBatch =
            (int)Math.Min(Math.Min(options.MicroBatchTokens, options.BatchTokens), (long)options.ContextLength * options.Sequences);
        _lengths = new SequenceLengths("ilgpu", options, weights.VocabularySize);

        // Pinned: copies read and write them while the host goes on.
        _control = GC.AllocateArray<int>(4 * _microBatch, pinned: true);
        _logits = GC.AllocateUninitializedArray<float>(weights.VocabularySize, pinned: true);
        _cache = new DeviceCache(device, weights.Shape, options.ContextLength, options.Sequences);
        try
        {
            _transformer = new DeviceTransformer(device, weights, kernels, _cache, _microBatch, options.ContextLength);
        }
        catch
        {
            _cache.Dispose();
            throw;
        }
    }

    /// <inheritdoc />
    public EngineMemory Memory =>
        new(_weights.Bytes, _cache.Bytes, _transformer.Bytes,
            _device.Accelerator.AcceleratorType == AcceleratorType.CPU ? null : _weights.Bytes + _cache.Bytes + _transformer.Bytes);

    /// <inheritdoc />
    public void Append(TokenBatch batch, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (_unusable) throw new EngineException("ilgpu: this session was cancelled or failed and can't be used any more.");
        _lengths.Check(batch);
        long needed = (long)batch.LogitRows * _weights.VocabularySize;
        if (needed > _logits.Length) _logits = GC.AllocateUninitializedArray<float>(checked((int)needed), pinned: true);
        _rows = 0;
        try
        {
            for (int first = 0; first < batch.Count; first += _microBatch)
                AppendPart(batch, first, Math.Min(_microBatch, batch.Count - first), cancellationToken);
        }
        catch (Exception e)
        {
            Spoil();
            if (e is OperationCanceledException or QuantBenchException) throw;
            throw _device.Failed(e, "computing");
        }
    }

    /// <summary>
    /// Appends a prompt to sequence 0, then the most likely token again and again. The device chooses and feeds back every token; the host
    /// waits once, at the end.
    /// </summary>
    /// <param name="prompt">At least one token.</param>
    /// <param name="generated">Receives the tokens.</param>
    /// <param name="cancellationToken">Looked at before each layer is queued.</param>
    public void Generate(ReadOnlySpan<int> prompt, Span<int> generated, CancellationToken cancellationToken)
    {
        var batch = new TokenBatch();
        for (int i = 0; i < prompt.Length; i++) batch.Add(prompt[i], 0, i == prompt.Length - 1);
        if (_lengths[0] + prompt.Length + generated.Length > _options.ContextLength)
        {
            throw new EngineException(
                $"ilgpu: {generated.Length} tokens after {prompt.Length} don't fit the context of {_options.ContextLength}.",
                "Raise the context length.");
        }

        Append(batch, cancellationToken);
        int[] tokens = new int[generated.Length];
        try
        {
            Generate(tokens, cancellationToken);
        }
        catch (Exception e)
        {
            Spoil();
            if (e is OperationCanceledException or QuantBenchException) throw;
            throw _device.Failed(e, "generating");
        }

        _lengths[0] += tokens.Length;
        _rows = 0;
        tokens.CopyTo(generated);
    }

    /// <inheritdoc />
    public ReadOnlySpan<float> Logits(int row)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, _rows);
        return _logits.AsSpan(checked(row * _weights.VocabularySize), _weights.VocabularySize);
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
        _transformer.Dispose();
        _cache.Dispose();
    }

    private void AppendPart(TokenBatch batch, int first, int count, CancellationToken cancellationToken)
    {
        int wanted = 0, keys = 0;
        for (int i = 0; i < count; i++)
        {
            int sequence = batch.Sequences[first + i];
            _control[i] = batch.Tokens[first + i];
            _control[_microBatch + i] = _lengths[sequence]++;
            keys = Math.Max(keys, _lengths[sequence]);
            _control[(2 * _microBatch) + i] = sequence;
            if (batch.LogitsWanted[first + i]) _control[(3 * _microBatch) + wanted++] = i;
        }

        _transformer.Forward(_control, count, wanted, keys, cancellationToken);
        if (wanted > 0)
        {
            long length = (long)wanted * _weights.VocabularySize;
            _transformer.Logits.View.AsContiguous().SubView(0, length)
                .CopyToCPUUnsafeAsync(_device.Stream, ref _logits[_rows * _weights.VocabularySize], length);
        }

        // The only wait of the step: nothing before it needs an answer of the device.
        _device.Stream.Synchronize();
        _rows += wanted;
    }

    private void Generate(int[] tokens, CancellationToken cancellationToken)
    {
        using MemoryBuffer1D<int, Stride1D.Dense> history = _device.AllocateZeroed<int>(tokens.Length, "generated tokens");

        // Each pass runs one token of sequence 0 at a position that the device counts on from here.
        Array.Clear(_control);
        _control[_microBatch] = _lengths[0] - 1;
        _transformer.SetControl(_control);
        for (int i = 0; i < tokens.Length; i++)
        {
            _transformer.QueueArgMax(history.View, i);
            _transformer.ForwardNext(_lengths[0] + i + 1, cancellationToken);
        }

        _device.Read<int>(history.View, tokens);
    }

    /// <summary>After a failure what the cache holds is unknown.</summary>
    private void Spoil()
    {
        _unusable = true;
        _rows = 0;
    }
}
