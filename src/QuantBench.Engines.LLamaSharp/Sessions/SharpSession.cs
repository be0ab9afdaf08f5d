using LLama.Exceptions;
using LLama.Native;
using QuantBench.Core.Errors;
using QuantBench.Engines.LlamaCpp.Native;
using QuantBench.Engines.LlamaCpp.Sessions;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.LLamaSharp.Sessions;

/// <summary>A context of LLamaSharp with its batch.</summary>
internal sealed unsafe class SharpSession : IInferenceSession
{
    private readonly SharpModel _model;
    private readonly SafeLLamaContextHandle _context;
    private readonly SessionOptions _options;
    private readonly LLamaBatch _batch = new();
    private readonly int[] _lengths;
    private readonly int[] _added;
    private readonly EngineMemory _fixedMemory;
    private readonly CancellationFlag _cancelled;
    private int _rows;
    private int _mostRows;
    private bool _broken;

    private SharpSession(SharpModel model, SafeLLamaContextHandle context, SessionOptions options, CancellationFlag cancelled,
        NativeLogCapture capture)
    {
        (_model, _context, _options, _cancelled) = (model, context, options, cancelled);
        _lengths = new int[options.Sequences];
        _added = new int[options.Sequences];
        _mostRows = options.Sequences; // llama.cpp's output buffer starts with a row per sequence
        (string BufferType, long Bytes)[] kv = [.. capture.Buffers("KV"), .. capture.Buffers("RS")];
        IReadOnlyList<(string BufferType, long Bytes)> compute = capture.Buffers("compute");
        long? onDevice = model.Device.IsHost ? null
            : model.WeightBuffers.Concat(kv).Concat(compute).Where(b => b.BufferType == model.Device.NativeName).Sum(b => b.Bytes);
        _fixedMemory = new EngineMemory(model.WeightBuffers.Sum(b => b.Bytes), kv.Sum(b => b.Bytes), compute.Sum(b => b.Bytes), onDevice);
    }

    /// <inheritdoc/>
    public EngineMemory Memory =>
        _fixedMemory with { ComputeBytes = _fixedMemory.ComputeBytes + ((long)_mostRows * _model.VocabularySize * sizeof(float)) };

    /// <summary>Makes a session.</summary>
    /// <exception cref="UnsupportedException">The model is no decoder, or the options don't fit it.</exception>
    /// <exception cref="EngineException">llama.cpp refused.</exception>
    public static SharpSession Create(SharpModel model, SessionOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (model.Handle.HasEncoder)
            throw new UnsupportedException(null, "This model has an encoder; only decoder-only models can be measured.");
        LLamaContextParams parameters = ContextParameters.Create(model, options);
        var cancelled = new CancellationFlag();
        parameters.abort_callback = CancellationFlag.Callback;
        parameters.abort_callback_user_data = cancelled.Address;
        using NativeLogCapture capture = model.Library.Log.Capture();
        try
        {
            return new SharpSession(model, SafeLLamaContextHandle.Create(model.Handle, parameters), options, cancelled, capture);
        }
        catch (RuntimeError e)
        {
            cancelled.Dispose();
            throw new EngineException(
                $"llama.cpp refused a session of {options.ContextLength} tokens × {options.Sequences}: {capture.Words}",
                "Lower n_ctx or n_batch, or use a smaller kv_type.", e);
        }
    }

    /// <summary>What a session will take, by a model that was loaded without its weights.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">Its file.</param>
    /// <param name="gpuLayers">Layers on its device; −1 = all.</param>
    /// <param name="options">The session.</param>
    /// <param name="logitRows">Most logits rows of one append.</param>
    public static MemoryPlan? Plan(SharpModel model, string path, int gpuLayers, SessionOptions options, int logitRows)
    {
        if (model.Handle.HasEncoder) return null;
        LLamaContextParams parameters = ContextParameters.Create(model, options);
        using NativeLogCapture capture = model.Library.Log.Capture();
        try
        {
            using SafeLLamaContextHandle context = SafeLLamaContextHandle.Create(model.Handle, parameters);
            return LlamaMemoryPlan.Of(path, model.Device.IsHost ? null : model.Device.NativeName, gpuLayers, model.Library.Level, capture,
                (long)Math.Max(options.Sequences, logitRows) * model.VocabularySize * sizeof(float));
        }
        catch (RuntimeError)
        {
            return null; // it says why when the session is made
        }
    }

    /// <inheritdoc/>
    public void Append(TokenBatch batch, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ThrowIfBroken();
        cancellationToken.ThrowIfCancellationRequested();
        Fill(batch);
        _rows = 0;
        DecodeResult result;
        // state is never null
        using (cancellationToken.UnsafeRegister(static flag => ((CancellationFlag)flag!).Set(),
            _cancelled)) result = _context.Decode(_batch);
        if (result != DecodeResult.Ok)
        {
            _broken = result is not (DecodeResult.NoKvSlot or DecodeResult.InvalidInputBatch); // after these two the cache is as before
            cancellationToken.ThrowIfCancellationRequested();
            throw new EngineException($"llama.cpp failed to compute the batch: {result}.", "The cell's log has llama.cpp's own words.");
        }

        _context.Synchronize();
        for (int s = 0; s < _lengths.Length; s++) _lengths[s] += _added[s];
        _rows = batch.LogitRows;
        _mostRows = Math.Max(_mostRows, _rows);
    }

    /// <inheritdoc/>
    public ReadOnlySpan<float> Logits(int row)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, _rows);
        return _context.GetLogits(_rows).Slice(row * _model.VocabularySize, _model.VocabularySize);
    }

    /// <inheritdoc/>
    public void Reset()
    {
        ThrowIfBroken();
        _context.MemoryClear(false);
        Array.Clear(_lengths);
        _rows = 0;
    }

    /// <inheritdoc/>
    public void Truncate(int sequence, int length)
    {
        ThrowIfBroken();
        ArgumentOutOfRangeException.ThrowIfNegative(sequence);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(sequence, _lengths.Length);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, _lengths[sequence]);
        if (length == _lengths[sequence]) return;
        _context.MemorySequenceRemove((LLamaSeqId)sequence, length, -1);
        // LLamaSharp drops llama.cpp's answer; the cache itself says whether it could.
        if ((int)_context.MemorySequenceMaxPosition((LLamaSeqId)sequence) != length - 1)
        {
            throw new UnsupportedException(null,
                "This model keeps a running state instead of a KV cache; llama.cpp can't cut its sequences back.",
                "Use depth 0.");
        }

        _lengths[sequence] = length;
        _rows = 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _context.Dispose(); // before the flag it reads
        _cancelled.Dispose();
    }

    private void ThrowIfBroken()
    {
        if (_broken)
            throw new EngineException("This session was cancelled or failed midway; its cache can't be trusted.", "Make a new session.");
    }

    // Checks all that native code would answer with an abort.
    private void Fill(TokenBatch batch)
    {
        if (batch.Count < 1 || batch.Count > _options.BatchTokens)
            throw new ArgumentException($"a batch holds 1 to {_options.BatchTokens} tokens, not {batch.Count}");
        Array.Clear(_added);
        _batch.Clear();
        for (int i = 0; i < batch.Count; i++)
        {
            int token = batch.Tokens[i];
            int sequence = batch.Sequences[i];
            if ((uint)token >= (uint)_model.VocabularySize)
            {
                throw new EngineException($"Token {token} is outside the model's vocabulary of {_model.VocabularySize}.",
                    "The text was tokenized with another model's tokenizer.");
            }

            if ((uint)sequence >= (uint)_lengths.Length)
                throw new ArgumentException($"sequence {sequence} is outside 0 to {_lengths.Length - 1}");
            int position = _lengths[sequence] + _added[sequence]++;
            if (position >= _options.ContextLength)
            {
                throw new EngineException($"Sequence {sequence} would outgrow its context of {_options.ContextLength} tokens.",
                    "Raise n_ctx, or lower prompt, generate or depth.");
            }

            _batch.Add(token, position, (LLamaSeqId)sequence, batch.LogitsWanted[i]);
        }
    }
}
