using System.Text;

namespace QuantBench.Formats.Tokenizers;

/// <summary>
/// What tokenizers of every kind do alike: well-formed text is cut at the tokens that the user defined; what lies between is the kind's.
/// </summary>
public abstract class FragmentTokenizer : ITextTokenizer
{
    private readonly TokenizerDefinition _definition;

    private protected FragmentTokenizer(TokenizerDefinition definition)
    {
        _definition = definition;
        UserDefined = new UserDefinedTokens(definition);
        Sha256 = definition.Sha256();
    }

    /// <inheritdoc />
    public string Sha256 { get; }

    /// <inheritdoc />
    public int VocabularySize => _definition.Tokens.Length;

    /// <inheritdoc />
    public int? BosToken => _definition.BosToken;

    /// <summary>Tokens that are cut out of any text.</summary>
    private protected UserDefinedTokens UserDefined { get; }

    /// <inheritdoc />
    public int[] Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var ids = new List<int>(text.Length / 3);
        var cache = new Dictionary<string, int[]>(StringComparer.Ordinal);
        bool afterToken = true;
        foreach ((string fragment, int token) in UserDefined.Split(UserDefinedTokens.WellFormed(text)))
        {
            if (token >= 0) ids.Add(token);
            else EncodePlain(fragment, afterToken, ids, cache);
            afterToken = token >= 0;
        }

        return [.. ids];
    }

    /// <inheritdoc />
    public int ByteLength(int token) => Bytes(token).Length;

    /// <inheritdoc />
    public byte[] Bytes(int token)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(token);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(token, VocabularySize);
        string text = _definition.Tokens[token];
        return _definition.Types[token] switch
        {
            _ when UserDefined.Contains(token) => Encoding.UTF8.GetBytes(text),
            TokenType.Normal => BytesOf(text),
            TokenType.Byte => [SentencePieceDefinition.ByteOf(text)],
            _ => [],
        };
    }

    /// <summary>Appends the ids of a text without user-defined tokens.</summary>
    /// <param name="text">Well-formed text.</param>
    /// <param name="isFirst">Whether it starts the text, or follows a user-defined token.</param>
    /// <param name="ids">Where they go.</param>
    /// <param name="cache">Ids of pieces of this text, for kinds that meet the same pieces again.</param>
    private protected abstract void EncodePlain(string text, bool isFirst, List<int> ids, Dictionary<string, int[]> cache);

    /// <summary>UTF-8 of what a normal token's spelling stands for.</summary>
    /// <param name="spelling">As the vocabulary has it.</param>
    private protected virtual byte[] BytesOf(string spelling) =>
        Encoding.UTF8.GetBytes(spelling.Replace(SentencePieceDefinition.Space, ' '));
}
