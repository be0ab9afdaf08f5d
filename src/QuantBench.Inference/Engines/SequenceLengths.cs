using QuantBench.Core.Errors;

namespace QuantBench.Inference.Engines;

/// <summary>Tokens that each sequence of a session holds. Allocates nothing after construction.</summary>
/// <param name="engine">Name of the engine, for messages.</param>
/// <param name="options">Sizes of the session.</param>
/// <param name="vocabularySize">Number of tokens there are.</param>
public sealed class SequenceLengths(string engine, SessionOptions options, int vocabularySize)
{
    private readonly int[] _lengths = new int[options.Sequences];
    private readonly int[] _incoming = new int[options.Sequences];

    /// <summary>Number of sequences.</summary>
    public int Count => _lengths.Length;

    /// <summary>Tokens of a sequence.</summary>
    /// <param name="sequence">Its number.</param>
    public ref int this[int sequence] => ref _lengths[sequence];

    /// <summary>Tokens that the batch checked last has for a sequence.</summary>
    /// <param name="sequence">Its number.</param>
    public int Incoming(int sequence) => _incoming[sequence];

    /// <summary>Finds everything that can be wrong with a batch, before its first token changes a sequence.</summary>
    /// <param name="batch">The batch.</param>
    /// <exception cref="EngineException">A token, sequence or length is out of range.</exception>
    public void Check(TokenBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (batch.Count < 1 || batch.Count > options.BatchTokens)
        {
            throw new EngineException($"{engine}: a batch has {batch.Count} tokens; 1 to {options.BatchTokens} are allowed.",
                "Raise n_batch.");
        }

        Array.Clear(_incoming);
        for (int i = 0; i < batch.Count; i++)
        {
            int token = batch.Tokens[i], sequence = batch.Sequences[i];
            if ((uint)token >= (uint)vocabularySize)
                throw new EngineException($"{engine}: token {token} is not in the vocabulary of {vocabularySize}.");
            if ((uint)sequence >= (uint)Count)
                throw new EngineException($"{engine}: there is no sequence {sequence}; the session holds {Count}.");
            if (_lengths[sequence] + ++_incoming[sequence] > options.ContextLength)
            {
                throw new EngineException($"{engine}: sequence {sequence} would outgrow its context of {options.ContextLength} tokens.",
                    "Raise the context length.");
            }
        }
    }

    /// <summary>Cuts a sequence back.</summary>
    /// <param name="sequence">Its number.</param>
    /// <param name="length">Tokens to keep.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sequence, or it holds fewer tokens.</exception>
    public void Truncate(int sequence, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sequence);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(sequence, Count);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, _lengths[sequence]);
        _lengths[sequence] = length;
    }

    /// <summary>Empties all sequences.</summary>
    public void Clear() => Array.Clear(_lengths);
}
