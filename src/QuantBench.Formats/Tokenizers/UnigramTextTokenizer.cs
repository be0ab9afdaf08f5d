using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;

namespace QuantBench.Formats.Tokenizers;

/// <summary>
/// SentencePiece Unigram with the ids llama.cpp gives: user-defined tokens first; then characters are replaced and spaces put in order;
/// then the pieces are found whose scores add up to most.
/// </summary>
public sealed class UnigramTextTokenizer : ITextTokenizer
{
    // What a character that is no piece costs beyond the worst piece, as in SentencePiece.
    private const float UnknownPenalty = 10;

    private readonly UnigramDefinition _definition;
    private readonly UserDefinedTokens _userDefined;
    private readonly CharacterMap _characters;

    // Pieces in the order of their characters, so that those with a common beginning are neighbours.
    private readonly string[] _pieces;
    private readonly int[] _ids;
    private readonly double[] _scores;
    private readonly Dictionary<char, (int From, int To)> _beginnings = [];
    private readonly double _unknownScore;
    private readonly int[] _bytes;

    // User-defined by the file but not to llama.cpp: they aren't cut out, but their characters stay as they are.
    private readonly byte[][] _kept;

    /// <param name="definition">A definition with distinct tokens; where bytes fall back, one for each byte among them.</param>
    public UnigramTextTokenizer(UnigramDefinition definition)
    {
        _definition = definition;
        _userDefined = new UserDefinedTokens(definition);
        _characters = new CharacterMap(definition.CharacterMap.AsSpan());
        ImmutableArray<TokenType> types = definition.Types;
        _ids = [.. Enumerable.Range(0, types.Length)
            .Where(id => types[id] is TokenType.Normal or TokenType.UserDefined or TokenType.Unused && definition.Tokens[id].Length > 0)];
        _pieces = [.. _ids.Select(id => definition.Tokens[id])];
        Array.Sort(_pieces, _ids, StringComparer.Ordinal);
        _scores = [.. _ids.Select(id => _userDefined.Contains(id) ? 0.0 : definition.Scores[id])];
        for (int i = 0; i < _pieces.Length; i++)
        {
            ref (int From, int To) range = ref CollectionsMarshal.GetValueRefOrAddDefault(_beginnings, _pieces[i][0], out bool known);
            range = (known ? range.From : i, i + 1);
        }

        _unknownScore = definition.Scores.Where((_, id) => types[id] == TokenType.Normal).DefaultIfEmpty(0).Min() - UnknownPenalty;
        _bytes = [];
        if (definition.BytesFallBack)
        {
            var ids = new Dictionary<string, int>(StringComparer.Ordinal);
            for (int id = 0; id < types.Length; id++) ids.TryAdd(definition.Tokens[id], id);
            _bytes = [.. Enumerable.Range(0, 256).Select(value => ids[SentencePieceDefinition.ByteToken(value)])];
        }

        _kept = [.. definition.Tokens.Where((_, id) => types[id] == TokenType.UserDefined && !_userDefined.Contains(id))
            .Select(Encoding.UTF8.GetBytes).Where(token => token.Length > 0).OrderByDescending(token => token.Length)];
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
        foreach ((string fragment, int token) in _userDefined.Split(UserDefinedTokens.WellFormed(text)))
        {
            if (token >= 0) ids.Add(token);
            else Cut(Normalize(fragment), ids);
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

    private string Normalize(string text)
    {
        byte[] input = Encoding.UTF8.GetBytes(text);
        var output = new List<byte>(input.Length + (input.Length / 4));
        ReadOnlySpan<byte> space = "▁"u8;
        bool inWord = false, hasPrefix = false;
        for (int at = 0; at < input.Length;)
        {
            ReadOnlySpan<byte> rest = input.AsSpan(at);
            int length = KeptLength(rest);
            ReadOnlySpan<byte> replaced = length > 0 ? rest[..length] : _characters.Match(rest, out length);
            if (length == 0)
            {
                _ = Rune.DecodeFromUtf8(rest, out _, out length);
                replaced = rest[..length];
            }

            at += length;
            foreach (byte value in replaced)
            {
                if (value != ' ')
                {
                    if (!inWord && (_definition.RemoveExtraSpaces || (_definition.AddSpacePrefix && !hasPrefix)))
                    {
                        output.AddRange(space);
                        hasPrefix = true;
                    }

                    output.Add(value);
                }
                else if (!_definition.RemoveExtraSpaces)
                {
                    output.AddRange(space);
                }

                inWord = value != ' ';
            }
        }

        return Encoding.UTF8.GetString(CollectionsMarshal.AsSpan(output));
    }

    private int KeptLength(ReadOnlySpan<byte> text)
    {
        foreach (byte[] token in _kept)
        {
            if (text.StartsWith(token)) return token.Length;
        }

        return 0;
    }

    /// <summary>The best way to each place, from left to right; then back along it.</summary>
    private void Cut(string text, List<int> ids)
    {
        double[] best = new double[text.Length + 1];
        int[] from = new int[text.Length + 1], by = new int[text.Length + 1];
        Array.Fill(best, double.MinValue, 1, text.Length);
        for (int at = 0, width; at < text.Length; at += width)
        {
            width = char.IsHighSurrogate(text[at]) && at + 1 < text.Length ? 2 : 1;
            bool known = false;
            (int low, int high) = _beginnings.GetValueOrDefault(text[at]);
            for (int length = 1; low < high; length++)
            {
                if (_pieces[low].Length == length)
                {
                    known |= length == width;
                    Offer(at, at + length, _ids[low], _scores[low]);
                }

                if (at + length == text.Length) break;
                (low, high) = Narrow(low, high, length, text[at + length]);
            }

            if (!known) Offer(at, at + width, -1, _unknownScore);
        }

        int first = ids.Count;
        bool lastUnknown = false;
        for (int at = text.Length; at > 0; at = from[at])
        {
            if (by[at] >= 0) ids.Add(by[at]);
            else if (_bytes.Length > 0) ids.AddRange(Encoding.UTF8.GetBytes(text[from[at]..at]).Reverse().Select(value => _bytes[value]));
            else if (!lastUnknown) ids.Add(_definition.UnknownToken);
            lastUnknown = by[at] < 0;
        }

        ids.Reverse(first, ids.Count - first);

        void Offer(int start, int end, int id, double score)
        {
            if (best[start] + score > best[end]) (best[end], from[end], by[end]) = (best[start] + score, start, id);
        }
    }

    /// <summary>The pieces of a range that go on with a character.</summary>
    /// <param name="low">First of the range.</param>
    /// <param name="high">Behind its last.</param>
    /// <param name="at">Length of what they have in common; one that ends there is the first.</param>
    /// <param name="next">The character.</param>
    private (int Low, int High) Narrow(int low, int high, int at, char next)
    {
        if (_pieces[low].Length == at) low++;
        return (FirstFrom(low, high, at, next), FirstFrom(low, high, at, next + 1));
    }

    private int FirstFrom(int low, int high, int at, int character)
    {
        while (low < high)
        {
            int middle = (int)(((uint)low + (uint)high) / 2);
            if (_pieces[middle][at] < character) low = middle + 1;
            else high = middle;
        }

        return low;
    }
}
