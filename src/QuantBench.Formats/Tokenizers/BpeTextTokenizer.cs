using System.Collections.Immutable;
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

    private readonly TokenizerDefinition _definition;
    private readonly BpeTokenizer _merger;
    private readonly Lazy<LongPieceMerger> _longMerger;
    private readonly Dictionary<string, int> _ids;
    private readonly ImmutableArray<(string Text, int Id)> _userDefined;

    /// <param name="definition">A definition whose merges name tokens, and whose tokens are distinct.</param>
    public BpeTextTokenizer(TokenizerDefinition definition)
    {
        _definition = definition;
        _ids = new Dictionary<string, int>(definition.Tokens.Length, StringComparer.Ordinal);
        for (int id = 0; id < definition.Tokens.Length; id++) _ids.Add(definition.Tokens[id], id);
        _userDefined =
        [
            .. definition.Tokens.Select((text, id) => (Text: text, Id: id))
                .Where(token => definition.Types[token.Id] == TokenType.UserDefined && token.Text.Length > 0)
                .OrderByDescending(token => Encoding.UTF8.GetByteCount(token.Text)),
        ];

        // Cutting and the byte alphabet are done here, so that pieces can be looked up; the library merges.
        _merger = BpeTokenizer.Create(new BpeOptions(_ids) { Merges = definition.Merges });
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
        foreach ((string fragment, int token) in SplitUserDefined(WellFormed(text)))
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
            TokenType.Normal => ByteLevel.CountBytes(_definition.Tokens[token]),
            TokenType.UserDefined => Encoding.UTF8.GetByteCount(_definition.Tokens[token]),
            TokenType.Byte => 1,
            _ => 0,
        };
    }

    /// <summary>Halves of surrogate pairs become U+FFFD, as they do in any UTF-8 file.</summary>
    private static string WellFormed(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i])) continue;
            if (i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1])) i++;
            else return Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
        }

        return text;
    }

    private void EncodePlain(string text, List<int> ids, Dictionary<string, int[]> cache)
    {
        Dictionary<string, int[]>.AlternateLookup<ReadOnlySpan<char>> lookup = cache.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach ((int start, int length) in new PieceScanner(text, _definition.PreTokenizer).Pieces())
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

    /// <summary>Cuts out user-defined tokens, longest first; the rest is plain text (token −1).</summary>
    private List<(string Text, int Token)> SplitUserDefined(string text)
    {
        var fragments = new List<(string Text, int Token)> { (text, -1) };
        foreach ((string token, int id) in _userDefined)
        {
            if (!text.Contains(token, StringComparison.Ordinal)) continue;
            var next = new List<(string Text, int Token)>();
            foreach ((string fragment, int known) in fragments)
            {
                if (known >= 0) next.Add((fragment, known));
                else Cut(fragment, token, id, next);
            }

            fragments = next;
        }

        return fragments;
    }

    private static void Cut(string fragment, string token, int id, List<(string Text, int Token)> into)
    {
        int start = 0;
        for (int at; (at = fragment.IndexOf(token, start, StringComparison.Ordinal)) >= 0; start = at + token.Length)
        {
            if (at > start) into.Add((fragment[start..at], -1));
            into.Add((token, id));
        }

        if (start < fragment.Length) into.Add((fragment[start..], -1));
    }
}
