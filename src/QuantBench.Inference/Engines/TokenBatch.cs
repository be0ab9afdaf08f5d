using System.Runtime.InteropServices;

namespace QuantBench.Inference.Engines;

/// <summary>Tokens of one or more sequences to append, with a mark on those whose logits are wanted. Reused between calls; no allocation
/// once grown.</summary>
public sealed class TokenBatch
{
    private readonly List<int> _tokens = [];
    private readonly List<int> _sequences = [];
    private readonly List<bool> _wanted = [];

    /// <summary>Number of tokens.</summary>
    public int Count => _tokens.Count;

    /// <summary>Number of tokens whose logits are wanted.</summary>
    public int LogitRows { get; private set; }

    /// <summary>Token ids.</summary>
    public ReadOnlySpan<int> Tokens => CollectionsMarshal.AsSpan(_tokens);

    /// <summary>Sequence number of each token.</summary>
    public ReadOnlySpan<int> Sequences => CollectionsMarshal.AsSpan(_sequences);

    /// <summary>Whether each token's logits are wanted.</summary>
    public ReadOnlySpan<bool> LogitsWanted => CollectionsMarshal.AsSpan(_wanted);

    /// <summary>Removes all tokens.</summary>
    public void Clear()
    {
        _tokens.Clear();
        _sequences.Clear();
        _wanted.Clear();
        LogitRows = 0;
    }

    /// <summary>Adds one token.</summary>
    /// <param name="token">Token id, 0 to vocabulary size − 1.</param>
    /// <param name="sequence">Sequence number.</param>
    /// <param name="logitsWanted">Whether its logits are read afterwards.</param>
    public void Add(int token, int sequence, bool logitsWanted)
    {
        _tokens.Add(token);
        _sequences.Add(sequence);
        _wanted.Add(logitsWanted);
        if (logitsWanted) LogitRows++;
    }
}
