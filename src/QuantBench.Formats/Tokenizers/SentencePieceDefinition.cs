using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;

namespace QuantBench.Formats.Tokenizers;

/// <summary>A SentencePiece BPE tokenizer with byte fallback, as Llama 2's, Mistral's and Gemma's.</summary>
/// <param name="Tokens">Text of each id; in normal tokens <c>▁</c> stands for a space, bytes are called <c>&lt;0x00&gt;</c> to
/// <c>&lt;0xFF&gt;</c>.</param>
/// <param name="Types">Type of each id.</param>
/// <param name="Scores">Score of each id: of two merges that are possible, that with the higher score is made first.</param>
/// <param name="AddSpacePrefix">Whether a space is put before the text, and before what follows a user-defined token.</param>
/// <param name="BosToken">BOS token that is put in front of a text; null when none is.</param>
public sealed record SentencePieceDefinition(
    ImmutableArray<string> Tokens, ImmutableArray<TokenType> Types, ImmutableArray<float> Scores, bool AddSpacePrefix, int? BosToken)
    : TokenizerDefinition(Tokens, Types, BosToken)
{
    /// <summary>What stands for a space.</summary>
    public const char Space = '\u2581';

    /// <summary>What a byte's token is called.</summary>
    public static string ByteToken(int value) => $"<0x{value:X2}>";

    /// <summary>The byte that a byte's token stands for; 0 where it isn't called so.</summary>
    public static byte ByteOf(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        return token.Length == 6 && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture,
            out byte value) ? value : (byte)0;
    }

    /// <inheritdoc/>
    public override ITextTokenizer Open() => new SentencePieceTextTokenizer(this);

    private protected override void AppendTo(IncrementalHash hash)
    {
        AppendText(hash, "quantbench-spm-1");
        AppendNumber(hash, AddSpacePrefix ? 1 : 0);
        AppendNumber(hash, BosToken ?? -1);
        AppendTokens(hash);

        // The order alone decides, and files write it with different numbers.
        int rank = 0;
        float last = float.NaN;
        foreach (int id in Enumerable.Range(0, Tokens.Length).Where(id => Types[id] == TokenType.Normal && IsMerged(Tokens[id]))
            .OrderByDescending(id => Scores[id]).ThenBy(id => id))
        {
            if (Scores[id] != last) rank++;
            last = Scores[id];
            AppendNumber(hash, id);
            AppendNumber(hash, rank);
        }
    }

    private static bool IsMerged(string token) => token.Length > 2 || (token.Length == 2 && !char.IsSurrogatePair(token[0], token[1]));
}
