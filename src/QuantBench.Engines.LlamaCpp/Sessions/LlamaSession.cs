using System.Diagnostics.CodeAnalysis;
using QuantBench.Core.Errors;
using QuantBench.Engines.LlamaCpp.Native;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.LlamaCpp.Sessions;

/// <summary>
/// A llama.cpp context. <see cref="Append"/> allocates nothing on the managed heap: the native batch, sized for the largest call, is filled
/// in place, and cancellation is a flag in native memory that the abort callback reads.
/// </summary>
internal sealed unsafe class LlamaSession : IInferenceSession
{
    private readonly LlamaModel _model;
    private readonly SafeLlamaContext _context;
    private readonly LlamaThreadpool? _threadpool;
    private readonly SessionOptions _options;
    private readonly nint _memory;
    private readonly int[] _lengths;
    private readonly int[] _added;
    private readonly EngineMemory _fixedMemory;
    private readonly CancellationFlag _cancelled;
    private llama_batch _batch;
    private float* _logits;
    private int _rows;
    private int _mostRows;
    private bool _broken;
    private bool _disposed;

    private LlamaSession(LlamaModel model, SafeLlamaContext context, LlamaThreadpool? threadpool, SessionOptions options,
        CancellationFlag cancelled, NativeLogCapture capture)
    {
        (_model, _context, _threadpool, _options, _cancelled) = (model, context, threadpool, options, cancelled);
        _memory = NativeMethods.llama_get_memory(context);
        _lengths = new int[options.Sequences];
        _added = new int[options.Sequences];
        _mostRows = options.Sequences; // llama.cpp's output buffer starts with a row per sequence
        int capacity = Math.Min(options.BatchTokens, options.ContextLength * options.Sequences); // more could never be appended
        _batch = NativeMethods.llama_batch_init(capacity, 0, 1);
        for (int i = 0; i < capacity; i++) _batch.n_seq_id[i] = 1;
        _fixedMemory = SumBuffers(model, capture);
    }

    /// <inheritdoc/>
    public EngineMemory Memory =>
        _fixedMemory with { ComputeBytes = _fixedMemory.ComputeBytes + ((long)_mostRows * _model.VocabularySize * sizeof(float)) };

    /// <summary>Makes a session.</summary>
    /// <exception cref="EngineException">The options don't fit, or llama.cpp refused.</exception>
    public static LlamaSession Create(LlamaModel model, SessionOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        llama_context_params parameters = SessionParameters.Create(model, options);
        var cancelled = new CancellationFlag();
        parameters.abort_callback = CancellationFlag.Callback;
        parameters.abort_callback_data = cancelled.Address;
        return Create(model, options, parameters, cancelled);
    }

    /// <inheritdoc/>
    public void Append(TokenBatch batch, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_broken) ThrowBroken();
        cancellationToken.ThrowIfCancellationRequested();
        Fill(batch);
        _rows = 0;
        DecodeStatus status;
        if (cancellationToken.CanBeCanceled)
        {
            // The static callback and the state object keep the registration free of closures.
            // state is never null
            using CancellationTokenRegistration registration =
                cancellationToken.UnsafeRegister(static flag => ((CancellationFlag)flag!).Set(), _cancelled);
            status = Decode();
        }
        else
        {
            status = Decode();
        }

        if (status != DecodeStatus.Ok) ThrowFailed(status, cancellationToken);
        for (int s = 0; s < _lengths.Length; s++) _lengths[s] += _added[s];
        _rows = batch.LogitRows;
        _mostRows = Math.Max(_mostRows, _rows);
        _logits = _rows > 0 ? NativeMethods.llama_get_logits(_context) : null;
    }

    /// <inheritdoc/>
    public ReadOnlySpan<float> Logits(int row)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, _rows);
        return new ReadOnlySpan<float>(_logits + ((long)row * _model.VocabularySize), _model.VocabularySize);
    }

    /// <inheritdoc/>
    public void Reset()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_broken) ThrowBroken();
        NativeMethods.llama_memory_clear(_memory, data: false); // cells marked empty are never read; zeroing them would only take time
        Array.Clear(_lengths);
        _rows = 0;
    }

    /// <inheritdoc/>
    public void Truncate(int sequence, int length)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_broken) ThrowBroken();
        ArgumentOutOfRangeException.ThrowIfNegative(sequence);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(sequence, _lengths.Length);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, _lengths[sequence]);
        if (!NativeMethods.llama_memory_seq_rm(_memory, sequence, length, -1))
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
        if (_disposed) return;
        _disposed = true;
        _context.Dispose(); // before the threads it uses and the flag it reads
        _threadpool?.Dispose();
        NativeMethods.llama_batch_free(_batch);
        _cancelled.Dispose();
    }

    /// <summary>Makes a session from finished parameters; the importance matrix builder adds its callback to them.</summary>
    internal static LlamaSession Create(LlamaModel model, SessionOptions options, llama_context_params parameters,
        CancellationFlag cancelled)
    {
        if (NativeMethods.llama_model_has_encoder(model.Handle))
        {
            cancelled.Dispose();
            throw new UnsupportedException(null, "This model has an encoder; only decoder-only models can be measured.");
        }

        using NativeLogCapture capture = model.Library.Log.Capture();
        SafeLlamaContext context = SafeLlamaContext.Create(model.Handle, parameters);
        if (context.IsInvalid)
        {
            context.Dispose();
            cancelled.Dispose();
            throw new EngineException(
                $"llama.cpp refused a session of {options.ContextLength} tokens × {options.Sequences}: {capture.Words}",
                "Lower n_ctx or n_batch, or use a smaller kv_type.");
        }

        if (NativeMethods.llama_get_memory(context) == 0)
        {
            context.Dispose();
            cancelled.Dispose();
            throw new UnsupportedException(null, "This model predicts no next token (it is an encoder), so it can't be measured.");
        }

        LlamaDevice cpu = LlamaDevice.Enumerate().First(d => d.IsHost);
        LlamaThreadpool? threadpool = LlamaThreadpool.Start(cpu.Handle, options.Threads, options.CallerComputesBetweenAppends);
        if (threadpool is not null) NativeMethods.llama_attach_threadpool(context, threadpool.Handle, 0);
        return new LlamaSession(model, context, threadpool, options, cancelled, capture);
    }

    private static EngineMemory SumBuffers(LlamaModel model, NativeLogCapture capture)
    {
        (string BufferType, long Bytes)[] kv = [.. capture.Buffers("KV"), .. capture.Buffers("RS")];
        IReadOnlyList<(string BufferType, long Bytes)> compute = capture.Buffers("compute");
        long? onDevice = model.Device.IsHost
            ? null
            : model.WeightBuffers.Concat(kv).Concat(compute).Where(b => b.BufferType == model.Device.NativeName).Sum(b => b.Bytes);
        return new EngineMemory(model.WeightBuffers.Sum(b => b.Bytes), kv.Sum(b => b.Bytes), compute.Sum(b => b.Bytes), onDevice);
    }

    /// <summary>Copies the batch, checking all that native code would answer with an abort.</summary>
    private void Fill(TokenBatch batch)
    {
        int count = batch.Count;
        if (count < 1 || count > _options.BatchTokens) ThrowCount(count);
        ReadOnlySpan<int> tokens = batch.Tokens;
        ReadOnlySpan<int> sequences = batch.Sequences;
        ReadOnlySpan<bool> wanted = batch.LogitsWanted;
        Array.Clear(_added);
        for (int i = 0; i < tokens.Length; i++)
        {
            int sequence = sequences[i];
            if ((uint)tokens[i] >= (uint)_model.VocabularySize) ThrowToken(tokens[i]);
            if ((uint)sequence >= (uint)_lengths.Length) ThrowSequence(sequence);
            int position = _lengths[sequence] + _added[sequence]++;
            if (position >= _options.ContextLength) ThrowFull(sequence);
            _batch.token[i] = tokens[i];
            _batch.pos[i] = position;
            _batch.seq_id[i][0] = sequence;
            _batch.logits[i] = wanted[i] ? (sbyte)1 : (sbyte)0;
        }

        _batch.n_tokens = count;
    }

    private DecodeStatus Decode()
    {
        DecodeStatus status = NativeMethods.llama_decode(_context, _batch);
        if (status == DecodeStatus.Ok) NativeMethods.llama_synchronize(_context); // decode may return before a device has finished
        return status;
    }

    [DoesNotReturn]
    private void ThrowFailed(DecodeStatus status, CancellationToken cancellationToken)
    {
        _broken = status is not (DecodeStatus.NoKvSlot or DecodeStatus.InvalidBatch); // after these two the cache is as before
        cancellationToken.ThrowIfCancellationRequested();
        throw new EngineException(status switch
        {
            DecodeStatus.NoKvSlot => "llama.cpp found no room in the KV cache for the batch.",
            DecodeStatus.InvalidBatch => "llama.cpp calls the batch malformed.",
            DecodeStatus.Aborted => "llama.cpp stopped the computation.",
            DecodeStatus.AllocationFailed => "llama.cpp ran out of memory for its compute buffers.",
            DecodeStatus.ComputeFailed => "llama.cpp failed to compute the batch.",
            _ => $"llama.cpp failed with status {(int)status}.",
        }, "The cell's log has llama.cpp's own words.");
    }

    [DoesNotReturn]
    private static void ThrowBroken() =>
        throw new EngineException("This session was cancelled or failed midway; its cache can't be trusted.", "Make a new session.");

    [DoesNotReturn]
    private void ThrowCount(int count) => throw new ArgumentException($"a batch holds 1 to {_options.BatchTokens} tokens, not {count}");

    [DoesNotReturn]
    private void ThrowToken(int token) =>
        throw new EngineException($"Token {token} is outside the model's vocabulary of {_model.VocabularySize}.",
            "The text was tokenized with another model's tokenizer.");

    [DoesNotReturn]
    private void ThrowSequence(int sequence) => throw new ArgumentException($"sequence {sequence} is outside 0 to {_lengths.Length - 1}");

    [DoesNotReturn]
    private void ThrowFull(int sequence) =>
        throw new EngineException($"Sequence {sequence} would outgrow its context of {_options.ContextLength} tokens.",
            "Raise n_ctx, or lower prompt, generate or depth.");
}
