using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using QuantBench.Core.Errors;
using QuantBench.Engines.OnnxRuntime.Models;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.OnnxRuntime.Sessions;

/// <summary>
/// Sequences of a graph whose attention writes its cache in place. Past and present of a layer are the same buffer, everything is bound
/// once per shape of run, and a decode step copies no cache and allocates nothing on the managed heap. Sequences that start together run as
/// one batch, padded on the right; so do neighbouring sequences that get one token each. Anything else runs one sequence at a time: the
/// operator takes several new tokens behind a past for one sequence only.
/// </summary>
internal sealed class SharedCacheSession : IInferenceSession
{
    // Shapes of prompts may be many (every length is one); decode shapes are few and stay.
    private const int MostBindings = 64;

    private readonly InferenceSession _session;
    private readonly DecoderSignature _signature;
    private readonly OrtMemory _memory;
    private readonly SessionBuffers _buffers;
    private readonly BatchOrder _order;
    private readonly LogitRows _rows;
    private readonly Stopper _stopper = new();
    private readonly Dictionary<RunShape, BoundRun> _bindings = [];
    private readonly SequenceLengths _lengths;
    private readonly int[] _done;
    private readonly int _microBatch;
    private readonly int _contextLength;
    private bool _unusable;

    /// <param name="session">The model; outlives this.</param>
    /// <param name="signature">Its inputs and outputs.</param>
    /// <param name="options">Sizes.</param>
    /// <param name="memory">The model's account.</param>
    /// <param name="useAllocator">Whether the cache comes from the provider's allocator even where it lies on the host.</param>
    public SharedCacheSession(InferenceSession session, DecoderSignature signature, Inference.Engines.SessionOptions options,
        OrtMemory memory, bool useAllocator = false)
    {
        (_session, _signature, _memory) = (session, signature, memory);
        _buffers = new SessionBuffers(session, signature, options, useAllocator);
        _order = new BatchOrder(options);
        _rows = new LogitRows(signature.VocabularySize, signature.LogitsType);
        _lengths = new SequenceLengths("onnxruntime", options, signature.VocabularySize);
        _done = new int[options.Sequences];
        _microBatch = Math.Min(options.MicroBatchTokens, options.BatchTokens);
        _contextLength = options.ContextLength;
    }

    /// <inheritdoc/>
    public EngineMemory Memory => new(
        _memory.WeightsBytes, _buffers.Cache.Bytes, _memory.ComputeBytes + _buffers.Bytes + _rows.Bytes,
        _buffers.Cache.OnHost ? null : _buffers.Cache.Bytes);

    /// <inheritdoc/>
    public void Append(TokenBatch batch, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (_unusable) throw new EngineException("onnxruntime: this session was stopped or failed, and can't be used any more.");
        _order.Sort(batch, _lengths);
        _stopper.Watch(cancellationToken);
        _rows.Begin(batch.LogitRows);
        Array.Clear(_done);
        int left = batch.Count;
        try
        {
            for (int sequence = 0; sequence < _lengths.Count; sequence++)
            {
                while (_done[sequence] < _order.Count(sequence))
                {
                    (int count, int tokens) = Group(sequence);
                    left -= RunGroup(batch, sequence, count, tokens, left);
                }
            }
        }
        catch (OnnxRuntimeException e)
        {
            _unusable = true;
            _rows.Clear();
            throw _stopper.Translate(e);
        }
    }

    /// <inheritdoc/>
    public ReadOnlySpan<float> Logits(int row) => _rows.Row(row);

    /// <inheritdoc/>
    public void Reset()
    {
        _lengths.Clear();
        _rows.Clear();
    }

    /// <inheritdoc/>
    public void Truncate(int sequence, int length) => _lengths.Truncate(sequence, length);

    /// <inheritdoc/>
    public void Dispose()
    {
        DropBindings();
        _stopper.Dispose();
        _rows.Dispose();
        _buffers.Dispose();
    }

    /// <summary>How many sequences from this one on run together, and with how many tokens each.</summary>
    private (int Count, int Tokens) Group(int first)
    {
        int left = _order.Count(first) - _done[first];
        int tokens = Math.Min(left, _microBatch);
        if (tokens < left || _done[first] > 0) return (1, tokens);
        bool starts = _lengths[first] == 0;
        int count = 1;
        for (int next = first + 1; next < _lengths.Count; next++)
        {
            int more = _order.Count(next);
            int longest = Math.Max(tokens, more);
            bool together = more > 0 && (starts ? _lengths[next] == 0 : tokens == 1 && more == 1 && _lengths[next] > 0);
            if (!together || longest > _microBatch / (count + 1)) break;
            tokens = longest;
            count++;
        }

        return (count, tokens);
    }

    /// <summary>Runs a group; returns the number of the batch's tokens it took.</summary>
    private int RunGroup(TokenBatch batch, int first, int count, int tokens, int left)
    {
        // One sequence gets the mask of the whole context, zeros behind its tokens, so that every decode step has one shape. Several that
        // start together get exactly their length: that is how the operator tells a prompt from a continuation.
        bool starts = count > 1 && _lengths[first] == 0;
        var shape = new RunShape(first, count, tokens, starts ? tokens : _contextLength);
        BoundRun run = Bind(shape);
        int taken = 0;
        for (int i = 0; i < count; i++)
        {
            int sequence = first + i;
            int real = Math.Min(tokens, _order.Count(sequence) - _done[sequence]);
            Fill(batch, sequence, i, shape, real);
            taken += real;
        }

        run.Run(_session, _stopper.Options);
        bool last = taken == left;
        nint rowBytes = (nint)_signature.VocabularySize * DecoderSignature.SizeOf(_signature.LogitsType);
        for (int i = 0; i < count; i++)
        {
            int sequence = first + i;
            int real = Math.Min(tokens, _order.Count(sequence) - _done[sequence]);
            ReadOnlySpan<int> indices = _order.Of(sequence).Slice(_done[sequence], real);
            for (int position = 0; position < real; position++)
            {
                int row = _order.RowOf(indices[position]);
                if (row >= 0) _rows.Set(row, _buffers.Logits.Pointer + (((i * tokens) + position) * rowBytes), stays: last);
            }

            _done[sequence] += real;
            _lengths[sequence] += real;
        }

        return taken;
    }

    private BoundRun Bind(RunShape shape)
    {
        if (_buffers.GrowLogits(shape.Count * shape.Tokens)) DropBindings();
        if (_bindings.TryGetValue(shape, out BoundRun? bound)) return bound;
        if (_bindings.Count >= MostBindings) DropBindings();
        bound = new BoundRun(_session, _signature, shape, _buffers);
        _bindings[shape] = bound;
        return bound;
    }

    private void Fill(TokenBatch batch, int sequence, int slot, RunShape shape, int real)
    {
        if (_signature.IdType == TensorElementType.Int64) Fill<long>(batch, sequence, slot, shape, real);
        else Fill<int>(batch, sequence, slot, shape, real);
    }

    private void Fill<T>(TokenBatch batch, int sequence, int slot, RunShape shape, int real)
        where T : unmanaged, System.Numerics.INumberBase<T>
    {
        Span<T> ids = _buffers.Ids.Span<T>(shape.Count * shape.Tokens).Slice(slot * shape.Tokens, shape.Tokens);
        ReadOnlySpan<int> indices = _order.Of(sequence).Slice(_done[sequence], real);
        for (int i = 0; i < real; i++) ids[i] = T.CreateTruncating(batch.Tokens[indices[i]]);
        ids[real..].Clear();
        if (_signature.AttentionMask is not null)
        {
            Span<T> mask = _buffers.Mask.Span<T>(shape.Count * shape.MaskLength).Slice(slot * shape.MaskLength, shape.MaskLength);
            mask[..(_lengths[sequence] + real)].Fill(T.One);
            mask[(_lengths[sequence] + real)..].Clear();
        }

        if (_signature.PositionIds is null) return;
        Span<T> positions = _buffers.Positions.Span<T>(shape.Count * shape.Tokens).Slice(slot * shape.Tokens, shape.Tokens);
        for (int i = 0; i < shape.Tokens; i++) positions[i] = T.CreateTruncating(_lengths[sequence] + Math.Min(i, real - 1));
    }

    private void DropBindings()
    {
        foreach (BoundRun bound in _bindings.Values) bound.Dispose();
        _bindings.Clear();
    }
}
