using QuantBench.Core.Errors;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.OnnxRuntime.Sessions;

/// <summary>A batch's tokens by sequence. Allocates nothing after construction.</summary>
/// <param name="options">Sizes of the session.</param>
internal sealed class BatchOrder(SessionOptions options)
{
    private readonly int[] _counts = new int[options.Sequences];
    private readonly int[] _starts = new int[options.Sequences];
    private readonly int[] _order = new int[options.BatchTokens];
    private readonly int[] _rows = new int[options.BatchTokens];

    /// <summary>Checks a batch and sorts it; nothing else is touched when it is refused.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="lengths">Tokens each sequence holds.</param>
    /// <exception cref="EngineException">A token, sequence or length is out of range.</exception>
    public void Sort(TokenBatch batch, SequenceLengths lengths)
    {
        lengths.Check(batch);
        int rows = 0;
        for (int i = 0; i < batch.Count; i++) _rows[i] = batch.LogitsWanted[i] ? rows++ : -1;

        int start = 0;
        for (int s = 0; s < _counts.Length; s++)
        {
            _starts[s] = start;
            start += lengths.Incoming(s);
            _counts[s] = 0;
        }

        for (int i = 0; i < batch.Count; i++)
        {
            int sequence = batch.Sequences[i];
            _order[_starts[sequence] + _counts[sequence]++] = i;
        }
    }

    /// <summary>Number of a sequence's tokens in the batch.</summary>
    public int Count(int sequence) => _counts[sequence];

    /// <summary>Indices in the batch of a sequence's tokens, in order.</summary>
    public ReadOnlySpan<int> Of(int sequence) => _order.AsSpan(_starts[sequence], _counts[sequence]);

    /// <summary>Row of a token's logits; −1 when they aren't wanted.</summary>
    /// <param name="index">Index in the batch.</param>
    public int RowOf(int index) => _rows[index];
}
