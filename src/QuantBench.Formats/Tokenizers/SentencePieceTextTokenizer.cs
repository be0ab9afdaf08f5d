using System.Collections.Immutable;
using System.Text;

namespace QuantBench.Formats.Tokenizers;

/// <summary>
/// SentencePiece BPE with the ids llama.cpp gives: user-defined tokens first; then, of all neighbours that together are a token, those with
/// the highest score are joined, the leftmost of equals first; what is no token becomes bytes.
/// </summary>
public sealed class SentencePieceTextTokenizer : ITextTokenizer
{
    // Words repeat; a text of a million characters has some ten thousand different pieces.
    private const int MaxCachedPieces = 1 << 16;
    private const int MaxCachedPieceLength = 64;

    private readonly SentencePieceDefinition _definition;
    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _lookup;
    private readonly ImmutableArray<int> _bytes;
    private readonly UserDefinedTokens _userDefined;

    // Neighbours that some token holds: between others nothing is ever joined, so a text can be cut there.
    private readonly HashSet<long> _neighbours = [];

    /// <param name="definition">A definition with distinct tokens, one for each byte among them.</param>
    public SentencePieceTextTokenizer(SentencePieceDefinition definition)
    {
        _definition = definition;
        _ids = new Dictionary<string, int>(definition.Tokens.Length, StringComparer.Ordinal);
        for (int id = 0; id < definition.Tokens.Length; id++)
        {
            _ids.Add(definition.Tokens[id], id);
            int last = -1;
            foreach (Rune rune in definition.Tokens[id].EnumerateRunes())
            {
                if (last >= 0) _neighbours.Add(Pair(last, rune.Value));
                last = rune.Value;
            }
        }

        _lookup = _ids.GetAlternateLookup<ReadOnlySpan<char>>();
        _bytes = [.. Enumerable.Range(0, 256).Select(value => _ids[SentencePieceDefinition.ByteToken(value)])];
        _userDefined = new UserDefinedTokens(definition);
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
        bool afterToken = true;
        foreach ((string fragment, int token) in _userDefined.Split(UserDefinedTokens.WellFormed(text)))
        {
            if (token >= 0) ids.Add(token);
            else EncodePlain(((afterToken && _definition.AddSpacePrefix ? " " : "") + fragment).Replace(' ', SentencePieceDefinition.Space),
                ids, cache);
            afterToken = token >= 0;
        }

        return [.. ids];
    }

    /// <inheritdoc />
    public int ByteLength(int token)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(token);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(token, VocabularySize);
        string text = _definition.Tokens[token];
        return _definition.Types[token] switch
        {
            _ when _userDefined.Contains(token) => Encoding.UTF8.GetByteCount(text),
            TokenType.Normal => Encoding.UTF8.GetByteCount(text.Replace(SentencePieceDefinition.Space, ' ')),
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
            TokenType.Normal => Encoding.UTF8.GetBytes(text.Replace(SentencePieceDefinition.Space, ' ')),
            TokenType.Byte => [SentencePieceDefinition.ByteOf(text)],
            _ => [],
        };
    }

    private static long Pair(int left, int right) => ((long)left << 32) | (uint)right;

    private void EncodePlain(string text, List<int> ids, Dictionary<string, int[]> cache)
    {
        Dictionary<string, int[]>.AlternateLookup<ReadOnlySpan<char>> lookup = cache.GetAlternateLookup<ReadOnlySpan<char>>();
        int start = 0;
        while (start < text.Length)
        {
            int end = PieceEnd(text, start);
            ReadOnlySpan<char> piece = text.AsSpan(start, end - start);
            if (!lookup.TryGetValue(piece, out int[]? tokens))
            {
                tokens = Merge(piece);
                if (piece.Length <= MaxCachedPieceLength && cache.Count < MaxCachedPieces) cache.Add(piece.ToString(), tokens);
            }

            ids.AddRange(tokens);
            start = end;
        }
    }

    private int PieceEnd(string text, int start)
    {
        Rune last = Rune.GetRuneAt(text, start);
        int at = start + last.Utf16SequenceLength;
        while (at < text.Length)
        {
            Rune next = Rune.GetRuneAt(text, at);
            if (!_neighbours.Contains(Pair(last.Value, next.Value))) break;
            at += next.Utf16SequenceLength;
            last = next;
        }

        return at;
    }

    private int[] Merge(ReadOnlySpan<char> piece)
    {
        // Symbols are stretches of the piece; one that was joined to its left neighbour has the length 0.
        int[] starts = new int[piece.Length], lengths = new int[piece.Length];
        int[] next = new int[piece.Length], previous = new int[piece.Length];
        int count = 0;
        int at = 0;
        foreach (Rune rune in piece.EnumerateRunes())
        {
            (starts[count], lengths[count], previous[count], next[count]) = (at, rune.Utf16SequenceLength, count - 1, count + 1);
            at += rune.Utf16SequenceLength;
            count++;
        }

        var queue = new PriorityQueue<(int Left, int Right, int Length), (float Cost, int Left)>();
        for (int i = 0; i + 1 < count; i++) Add(piece, i, i + 1);
        while (queue.TryDequeue(out (int Left, int Right, int Length) pair, out _))
        {
            (int left, int right, int length) = pair;
            if (lengths[left] == 0 || lengths[right] == 0 || lengths[left] + lengths[right] != length) continue;
            lengths[left] = length;
            lengths[right] = 0;
            next[left] = next[right];
            if (next[left] < count) previous[next[left]] = left;
            if (previous[left] >= 0) Add(piece, previous[left], left);
            if (next[left] < count) Add(piece, left, next[left]);
        }

        var ids = new List<int>(count);
        for (int i = 0; i < count; i = next[i])
        {
            ReadOnlySpan<char> symbol = piece.Slice(starts[i], lengths[i]);
            if (_lookup.TryGetValue(symbol, out int id)) ids.Add(id);
            else ids.AddRange(Encoding.UTF8.GetBytes(symbol.ToString()).Select(value => _bytes[value]));
        }

        return [.. ids];

        void Add(ReadOnlySpan<char> text, int left, int right)
        {
            int length = lengths[left] + lengths[right];
            if (_lookup.TryGetValue(text.Slice(starts[left], length), out int id))
                queue.Enqueue((left, right, length), (-_definition.Scores[id], left));
        }
    }
}
