using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using QuantBench.Core.Errors;
using QuantBench.Engines.OnnxRuntime.Models;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.OnnxRuntime.Sessions;

/// <summary>
/// Sequences of a graph that gives past and new keys and values together as new tensors, or of one that keeps none: then every run gets the
/// whole sequence. One sequence at a time; what the graph copies or computes again is its own cost, and is measured as such.
/// </summary>
internal sealed class CopyingSession : IInferenceSession
{
    private readonly InferenceSession _session;
    private readonly DecoderSignature _signature;
    private readonly Inference.Engines.SessionOptions _options;
    private readonly OrtMemory _memory;
    private readonly BatchOrder _order;
    private readonly LogitRows _rows;
    private readonly Stopper _stopper = new();
    private readonly string[] _inputNames;
    private readonly string[] _outputNames;
    private readonly CopiedSequence[] _sequences;
    private readonly SequenceLengths _lengths;
    private bool _unusable;

    /// <param name="session">The model; outlives this.</param>
    /// <param name="signature">Its inputs and outputs.</param>
    /// <param name="options">Sizes.</param>
    /// <param name="memory">The model's account.</param>
    public CopyingSession(InferenceSession session, DecoderSignature signature, Inference.Engines.SessionOptions options, OrtMemory memory)
    {
        (_session, _signature, _options, _memory) = (session, signature, options, memory);
        _order = new BatchOrder(options);
        _rows = new LogitRows(signature.VocabularySize, signature.LogitsType);
        _sequences = [.. Enumerable.Range(0, options.Sequences).Select(_ => new CopiedSequence(signature))];
        _lengths = new SequenceLengths("onnxruntime", options, signature.VocabularySize);
        string?[] inputs = [signature.InputIds, signature.AttentionMask, signature.PositionIds, signature.UseCacheBranch];
        _inputNames = [.. inputs.OfType<string>(), .. signature.Layers.SelectMany(l => new[] { l.PastKey, l.PastValue })];
        _outputNames = [signature.Logits, .. signature.Layers.SelectMany(l => new[] { l.PresentKey, l.PresentValue })];
    }

    /// <inheritdoc/>
    public EngineMemory Memory => new(_memory.WeightsBytes, _sequences.Sum(s => s.Bytes), _memory.ComputeBytes + _rows.Bytes, null);

    /// <inheritdoc/>
    public void Append(TokenBatch batch, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (_unusable) throw new EngineException("onnxruntime: this session was stopped or failed, and can't be used any more.");
        _order.Sort(batch, _lengths);
        _stopper.Watch(cancellationToken);
        _rows.Begin(batch.LogitRows);
        try
        {
            for (int sequence = 0; sequence < _sequences.Length; sequence++)
            {
                ReadOnlySpan<int> indices = _order.Of(sequence);
                while (indices.Length > 0)
                {
                    int count = Math.Min(indices.Length, Math.Min(_options.MicroBatchTokens, _options.BatchTokens));
                    Run(batch, sequence, indices[..count]);
                    indices = indices[count..];
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
        for (int sequence = 0; sequence < _sequences.Length; sequence++) Truncate(sequence, 0);
        _rows.Clear();
    }

    /// <inheritdoc/>
    public void Truncate(int sequence, int length)
    {
        _lengths.Truncate(sequence, length);
        _sequences[sequence].Truncate(length);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (CopiedSequence sequence in _sequences) sequence.Dispose();
        _stopper.Dispose();
        _rows.Dispose();
    }

    private void Run(TokenBatch batch, int number, ReadOnlySpan<int> indices)
    {
        CopiedSequence sequence = _sequences[number];
        int past = _lengths[number];
        foreach (int index in indices) sequence.Tokens.Add(batch.Tokens[index]);
        int total = past + indices.Length;
        // Without a cache, the whole sequence is new at every run.
        int from = _signature.Layers.IsEmpty ? 0 : past;
        List<OrtValue> values = [Ids([.. sequence.Tokens.Skip(from).Select(t => (long)t)])];
        try
        {
            if (_signature.AttentionMask is not null) values.Add(Ids([.. Enumerable.Repeat(1L, total)]));
            if (_signature.PositionIds is not null) values.Add(Ids([.. Enumerable.Range(from, total - from).Select(p => (long)p)]));
            if (_signature.UseCacheBranch is not null) values.Add(OrtValue.CreateTensorValueFromMemory(new[] { past > 0 }, [1]));
            IDisposableReadOnlyCollection<OrtValue> outputs =
                _session.Run(_stopper.Options, _inputNames, [.. values, .. sequence.Past()], _outputNames);
            TakeLogits(outputs[0], indices, total - from);
            sequence.Keep(outputs);
            _lengths[number] = total;
        }
        finally
        {
            foreach (OrtValue value in values) value.Dispose();
        }
    }

    private unsafe void TakeLogits(OrtValue logits, ReadOnlySpan<int> indices, int positions)
    {
        Span<byte> data = logits.GetTensorMutableRawData();
        int rowBytes = _signature.VocabularySize * DecoderSignature.SizeOf(_signature.LogitsType);
        if (data.Length != (long)positions * rowBytes)
        {
            throw new UnsupportedException("onnxruntime",
                $"the graph gave {data.Length} bytes of logits for {positions} tokens; {(long)positions * rowBytes} were "
                    + $"expected.",
                "Export it so that it gives the logits of all positions.");
        }

        int first = positions - indices.Length;
        fixed (byte* start = data)
        {
            for (int i = 0; i < indices.Length; i++)
            {
                int row = _order.RowOf(indices[i]);
                if (row >= 0) _rows.Set(row, (nint)start + ((first + i) * (nint)rowBytes), stays: false);
            }
        }
    }

    private OrtValue Ids(long[] values) => _signature.IdType == TensorElementType.Int64
        ? OrtValue.CreateTensorValueFromMemory(values, [1, values.Length])
        : OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(values, v => (int)v), [1, values.Length]);
}
