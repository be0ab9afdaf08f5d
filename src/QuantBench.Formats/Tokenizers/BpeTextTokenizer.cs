using System.Text;
using Microsoft.ML.Tokenizers;

namespace QuantBench.Formats.Tokenizers;

/// <summary>Byte-level BPE with the ids llama.cpp gives: user-defined tokens first, then pieces, then merges.</summary>
public sealed class BpeTextTokenizer : ITextTokenizer
{
    // Words repeat; a text of a million characters has some ten thousand different pieces.
    private const int MaxCachedPieces = 1 << 16;
    private const int MaxCachedPieceLength = 64;

    // Words of any language are shorter; what is longer is a text without breaks.
    private const int LongPieceLength = 256;

    private readonly BpeDefinition _definition;
    private readonly BpeTokenizer _merger;
    private readonly Lazy<LongPieceMerger> _longMerger;
    private readonly Dictionary<string, int> _ids;
    private readonly UserDefinedTokens _userDefined;

    /// <param name="definition">A definition whose merges name tokens, and whose tokens are distinct.</param>
    public BpeTextTokenizer(BpeDefinition definition)
    {
        _definition = definition;
        _ids = new Dictionary<string, int>(definition.Tokens.Length, StringComparer.Ordinal);
        for (int id = 0; id < definition.Tokens.Length; id++) _ids.Add(definition.Tokens[id], id);
        _userDefined = new UserDefinedTokens(definition);

        // Cutting and the byte alphabet are done here, so that pieces can be looked up; the library merges. Of merges that a file holds
        // twice the first counts.
        _merger = BpeTokenizer.Create(new BpeOptions(_ids) { Merges = definition.Merges.Distinct() });
        _longMerger = new Lazy<LongPieceMerger>(() => new LongPieceMerger(_ids, definition.Merges));
        Sha256 = definition.Sha256();
    }

    /// <inheritdoc />
    public string Sha256 { get; }

    /// <inheritdoc />
    public int VocabularySize => _definition.Tokens.Length;

    /// <inheritdoc />
    public int? BosToken => _definition.BosToken;

    /// <inheritdoc />
    public int[] Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var ids = new List<int>(text.Length / 3);
        var cache = new Dictionary<string, int[]>(StringComparer.Ordinal);
        foreach ((string fragment, int token) in _userDefined.Split(UserDefinedTokens.WellFormed(text)))
        {
            if (token >= 0) ids.Add(token);
            else EncodePlain(fragment, ids, cache);
        }

        return [.. ids];
    }

    /// <inheritdoc />
    public int ByteLength(int token)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(token);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(token, VocabularySize);
        return _definition.Types[token] switch
        {
            _ when _userDefined.Contains(token) => Encoding.UTF8.GetByteCount(_definition.Tokens[token]),
            TokenType.Normal => ByteLevel.CountBytes(_definition.Tokens[token]),
            TokenType.Byte => 1,
            _ => 0,
        };
    }

    /// <inheritdoc />
    public byte[] Bytes(int token)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(token);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(token, VocabularySize);
        string text = _definition.Tokens[token];
        return _definition.Types[token] switch
        {
            _ when _userDefined.Contains(token) => Encoding.UTF8.GetBytes(text),
            TokenType.Normal => ByteLevel.Bytes(text),
            TokenType.Byte => [SentencePieceDefinition.ByteOf(text)],
            _ => [],
        };
    }

    private void EncodePlain(string text, List<int> ids, Dictionary<string, int[]> cache)
    {
        Dictionary<string, int[]>.AlternateLookup<ReadOnlySpan<char>> lookup = cache.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach ((int start, int length) in PreTokenizers.Cut(text, _definition.PreTokenizer))
        {
            ReadOnlySpan<char> piece = text.AsSpan(start, length);
            if (!lookup.TryGetValue(piece, out int[]? tokens))
            {
                tokens = EncodePiece(piece);
                if (length <= MaxCachedPieceLength && cache.Count < MaxCachedPieces) cache.Add(piece.ToString(), tokens);
            }

            ids.AddRange(tokens);
        }
    }

    private int[] EncodePiece(ReadOnlySpan<char> piece)
    {
        string word = ByteLevel.Encode(piece);
        if (PreTokenizers.IgnoresMerges(_definition.PreTokenizer) && _ids.TryGetValue(word, out int id)) return [id];
        if (word.Length > LongPieceLength) return _longMerger.Value.Merge(word);
        return [.. _merger.EncodeToIds(word, considerPreTokenization: false, considerNormalization: false)];
    }
}
