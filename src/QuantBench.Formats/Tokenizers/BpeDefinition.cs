using System.Collections.Immutable;
using System.Security.Cryptography;

namespace QuantBench.Formats.Tokenizers;

/// <summary>A byte-level BPE tokenizer.</summary>
/// <param name="Tokens">Text of each id; normal tokens in the byte-level alphabet.</param>
/// <param name="Types">Type of each id.</param>
/// <param name="Merges">Merges, first to be applied first, as <c>left right</c>.</param>
/// <param name="PreTokenizer">How text is cut first.</param>
/// <param name="BosToken">BOS token that is put in front of a text; null when none is.</param>
public sealed record BpeDefinition(
    ImmutableArray<string> Tokens, ImmutableArray<TokenType> Types, ImmutableArray<string> Merges, PreTokenizerKind PreTokenizer,
    int? BosToken)
    : TokenizerDefinition(Tokens, Types, BosToken)
{
    /// <inheritdoc/>
    public override ITextTokenizer Open() => new BpeTextTokenizer(this);

    private protected override void AppendTo(IncrementalHash hash)
    {
        // Until the second kind, tokens of that sort were taken as their file says.
        AppendText(hash, UserDefinedTokens.Overrides(this) ? "quantbench-bpe-2" : "quantbench-bpe-1");
        AppendText(hash, PreTokenizers.ToGgufName(PreTokenizer));
        AppendNumber(hash, BosToken ?? -1);
        AppendTokens(hash);
        AppendNumber(hash, Merges.Length);
        foreach (string merge in Merges) AppendText(hash, merge);
    }
}
