using System.Collections.Immutable;
using System.Security.Cryptography;

namespace QuantBench.Formats.Tokenizers;

/// <summary>A SentencePiece Unigram tokenizer: of all ways to cut a text into pieces the one whose scores add up to most.</summary>
/// <param name="Tokens">Text of each id; in normal tokens <c>▁</c> stands for a space.</param>
/// <param name="Types">Type of each id.</param>
/// <param name="Scores">Logarithm of each piece's probability.</param>
/// <param name="UnknownToken">What stands for characters that are no piece.</param>
/// <param name="BosToken">BOS token that is put in front of a text; null when none is.</param>
public sealed record UnigramDefinition(
    ImmutableArray<string> Tokens, ImmutableArray<TokenType> Types, ImmutableArray<float> Scores, int UnknownToken, int? BosToken)
    : TokenizerDefinition(Tokens, Types, BosToken)
{
    /// <summary>Whether a space is put before the text.</summary>
    public bool AddSpacePrefix { get; init; }

    /// <summary>Whether spaces at the ends of a text are dropped, and runs of them are one.</summary>
    public bool RemoveExtraSpaces { get; init; }

    /// <summary>Whether bytes stand for characters that are no piece, instead of <see cref="UnknownToken"/>. llama.cpp does so in no
    /// file of this kind.</summary>
    public bool BytesFallBack { get; init; }

    /// <summary>What replaces characters before anything else, as SentencePiece writes it (<c>precompiled_charsmap</c>); empty for
    /// nothing.</summary>
    public ImmutableArray<byte> CharacterMap { get; init; } = [];

    /// <inheritdoc/>
    public override ITextTokenizer Open() => new UnigramTextTokenizer(this);

    private protected override void AppendTo(IncrementalHash hash)
    {
        AppendText(hash, "quantbench-unigram-1");
        AppendNumber(hash, (AddSpacePrefix ? 1 : 0) | (RemoveExtraSpaces ? 2 : 0) | (BytesFallBack ? 4 : 0));
        AppendNumber(hash, UnknownToken);
        AppendNumber(hash, BosToken ?? -1);
        AppendNumber(hash, CharacterMap.Length);
        hash.AppendData(CharacterMap.AsSpan());
        AppendTokens(hash);
        for (int id = 0; id < Scores.Length; id++)
        {
            if (Types[id] == TokenType.Normal) AppendNumber(hash, BitConverter.SingleToInt32Bits(Scores[id]));
        }
    }
}
