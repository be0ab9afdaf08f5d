using Microsoft.ML.Tokenizers;

namespace QuantBench.Formats.Tokenizers;

/// <summary>Byte-level BPE with the ids llama.cpp gives: user-defined tokens first, then pieces, then merges.</summary>
public sealed class BpeTextTokenizer : FragmentTokenizer
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

    /// <param name="definition">A definition whose merges name tokens, and whose tokens are distinct.</param>
    public BpeTextTokenizer(BpeDefinition definition)
        : base(definition)
    {
        _definition = definition;
        _ids = new Dictionary<string, int>(definition.Tokens.Length, StringComparer.Ordinal);
        for (int id = 0; id < definition.Tokens.Length; id++) _ids.Add(definition.Tokens[id], id);

        // Cutting and the byte alphabet are done here, so that pieces can be looked up; the library merges. Of merges that a file holds
        // twice the first counts.
        _merger = BpeTokenizer.Create(new BpeOptions(_ids) { Merges = definition.Merges.Distinct() });
        _longMerger = new Lazy<LongPieceMerger>(() => new LongPieceMerger(_ids, definition.Merges));
    }

    private protected override byte[] BytesOf(string spelling) => ByteLevel.Bytes(spelling);

    private protected override void EncodePlain(string text, bool isFirst, List<int> ids, Dictionary<string, int[]> cache)
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
