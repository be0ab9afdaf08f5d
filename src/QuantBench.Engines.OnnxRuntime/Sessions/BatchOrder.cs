using QuantBench.Core.Errors;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.OnnxRuntime.Sessions;

/// <summary>A batch's tokens by sequence. Allocates nothing after construction.</summary>
/// <param name="options">Sizes of the session.</param>
/// <param name="vocabularySize">Number of tokens there are.</param>
internal sealed class BatchOrder(SessionOptions options, int vocabularySize)
{
    private readonly int[] _counts = new int[options.Sequences];
    private readonly int[] _starts = new int[options.Sequences];
    private readonly int[] _order = new int[options.BatchTokens];
    private readonly int[] _rows = new int[options.BatchTokens];

    /// <summary>Checks a batch and sorts it; nothing else is touched when it is refused.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="lengths">Tokens each sequence holds.</param>
    /// <exception cref="EngineException">A token, sequence or length is out of range.</exception>
    public void Sort(TokenBatch batch, ReadOnlySpan<int> lengths)
    {
        if (batch.Count < 1 || batch.Count > options.BatchTokens)
        {
            throw new EngineException($"onnxruntime: a batch has {batch.Count} tokens; 1 to {options.BatchTokens} are allowed.",
                "Raise n_batch.");
        }

        Array.Clear(_counts);
        int rows = 0;
        for (int i = 0; i < batch.Count; i++)
        {
            int token = batch.Tokens[i];
            int sequence = batch.Sequences[i];
            if ((uint)token >= (uint)vocabularySize)
                throw new EngineException($"onnxruntime: token {token} is not in the vocabulary of {vocabularySize}.");
            if ((uint)sequence >= (uint)options.Sequences)
                throw new EngineException($"onnxruntime: there is no sequence {sequence}; the session holds {options.Sequences}.");
            if (lengths[sequence] + ++_counts[sequence] > options.ContextLength)
            {
                throw new EngineException($"onnxruntime: sequence {sequence} would outgrow its context of {options.ContextLength} tokens.",
                    "Raise the context length.");
            }

            _rows[i] = batch.LogitsWanted[i] ? rows++ : -1;
        }

        int start = 0;
        for (int s = 0; s < _counts.Length; s++)
        {
            _starts[s] = start;
            start += _counts[s];
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
