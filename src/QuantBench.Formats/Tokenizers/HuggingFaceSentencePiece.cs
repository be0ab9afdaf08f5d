using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Core.Errors;
using QuantBench.Formats.Files;

namespace QuantBench.Formats.Tokenizers;

/// <summary>SentencePiece BPE as <c>tokenizer.json</c> spells it: BPE with <c>byte_fallback</c>, <c>▁</c> for spaces, and merges in the
/// order of the pieces' scores.</summary>
internal static class HuggingFaceSentencePiece
{
    // Behind every merge; llama.cpp's converter gives this to what no piece of the model is.
    private const float NoPiece = -10_000_000;

    /// <summary>Makes a definition, without its BOS token.</summary>
    /// <param name="json">The whole file.</param>
    /// <param name="tokens">Its tokens.</param>
    /// <param name="types">Their types.</param>
    /// <param name="merges">Its merges, <c>left right</c>.</param>
    /// <param name="path">Path, for messages.</param>
    /// <exception cref="QuantBenchException">It is broken, or does what SentencePiece doesn't.</exception>
    public static SentencePieceDefinition Read(
        ModelJson json, ImmutableArray<string> tokens, ImmutableArray<TokenType> types, ImmutableArray<string> merges, string path)
    {
        bool? prefixed = ReadNormalizer(json.Find("normalizer"), path);
        bool? prefixedLate = ReadPreTokenizer(json.Find("pre_tokenizer"), prefixed, path);
        if (prefixed is null && prefixedLate is null)
            throw new UnsupportedException(path, "BPE with 'byte_fallback' that leaves spaces is not read.");

        string? unknown = json.Get("model").Find("unk_token") is { IsString: true } text ? text.AsString() : null;
        (string Text, TokenType Type)[] adjusted = [.. tokens.Select((token, id) => Adjust(token, types[id], unknown))];
        float[] scores = Scores(tokens, types, merges, path);
        return new SentencePieceDefinition(
            [.. adjusted.Select(token => token.Text)], [.. adjusted.Select(token => token.Type)], [.. scores],
            prefixed == true || prefixedLate == true, null);
    }

    /// <summary>A token as SentencePiece has it: bytes and the unknown token by their types, spaces as such in what its maker
    /// added.</summary>
    public static (string Text, TokenType Type) Adjust(string token, TokenType type, string? unknown) => type switch
    {
        _ when token == unknown => (token, TokenType.Unknown),
        TokenType.Normal when token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
            && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value)
            && token == SentencePieceDefinition.ByteToken(value) => (token, TokenType.Byte),
        TokenType.UserDefined => (token.Replace(SentencePieceDefinition.Space, ' '), type),
        _ => (token, type),
    };

    /// <summary>Whether a space is put in front; null when spaces aren't replaced.</summary>
    private static bool? ReadNormalizer(ModelJson? normalizer, string path)
    {
        if (normalizer is not { } json) return null;
        ModelJson[] steps = json.Get("type").AsString() == "Sequence" ? [.. json.Get("normalizers").Items()] : [json];
        bool prefix = false, replaces = false;
        foreach (ModelJson step in steps)
        {
            string type = step.Get("type").AsString();
            if (type == "Prepend" && step.Get("prepend").AsString() == "▁" && !replaces) prefix = true;
            else if (type == "Replace" && step.Get("pattern").Find("String") is { IsString: true } from && from.AsString() == " "
                && step.Get("content").AsString() == "▁") replaces = true;
            else throw new UnsupportedException(path, $"the normalizer '{type}' is not read together with 'byte_fallback'.");
        }

        return replaces ? prefix : prefix ? throw new UnsupportedException(path, "the normalizer 'Prepend' is not read alone.") : null;
    }

    /// <summary>Whether a space is put in front; null when spaces aren't replaced.</summary>
    private static bool? ReadPreTokenizer(ModelJson? preTokenizer, bool? prefixed, string path)
    {
        if (preTokenizer is not { } json) return null;
        string type = json.Get("type").AsString();
        // After spaces have been replaced none is left to be cut at.
        if (type == "Split" && prefixed is not null && json.Get("pattern").Find("String") is { IsString: true } at && at.AsString() == " ")
            return null;
        if (type == "Metaspace" && json.Get("replacement").AsString() == "▁" && !(json.Find("split")?.AsBoolean() ?? true))
        {
            return json.Find("prepend_scheme") is { } scheme ? scheme.AsString() != "never"
                : json.Find("add_prefix_space")?.AsBoolean() ?? true;
        }

        throw new UnsupportedException(path, $"the pre-tokenizer '{type}' is not read together with 'byte_fallback'.");
    }

    /// <summary>Scores that give the same order as the merges. SentencePiece joins any two pieces that together are one, so the merges must
    /// hold all of those.</summary>
    private static float[] Scores(
        ImmutableArray<string> tokens, ImmutableArray<TokenType> types, ImmutableArray<string> merges, string path)
    {
        var ids = new Dictionary<string, int>(tokens.Length, StringComparer.Ordinal);
        for (int id = 0; id < tokens.Length; id++) ids.TryAdd(tokens[id], id);
        float[] scores = new float[tokens.Length];
        Array.Fill(scores, NoPiece);
        var pairs = new HashSet<(int Left, int Right)>(merges.Length);
        for (int rank = 0; rank < merges.Length; rank++)
        {
            int space = merges[rank].IndexOf(' ', Math.Min(1, merges[rank].Length));
            if (space < 1 || !ids.TryGetValue(merges[rank][..space], out int left)
                || !ids.TryGetValue(merges[rank][(space + 1)..], out int right)
                || !ids.TryGetValue(string.Concat(tokens[left], tokens[right]), out int joined))
            {
                throw new ModelFormatException(path, null, $"the merge '{merges[rank]}' is not a pair of tokens that together are one.");
            }

            pairs.Add((left, right));
            if (scores[joined] == NoPiece) scores[joined] = -rank;
        }

        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> lookup = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        for (int id = 0; id < tokens.Length; id++)
        {
            if (types[id] != TokenType.Normal) continue;
            ReadOnlySpan<char> text = tokens[id];
            for (int at = 1; at < text.Length; at++)
            {
                if (char.IsLowSurrogate(text[at]) || !lookup.TryGetValue(text[..at], out int left) || types[left] != TokenType.Normal
                    || !lookup.TryGetValue(text[at..], out int right) || types[right] != TokenType.Normal || pairs.Contains((left, right)))
                {
                    continue;
                }

                throw new UnsupportedException(path,
                    $"its merges aren't those of a SentencePiece model: '{tokens[left]}' and '{tokens[right]}' are never joined.",
                    "A GGUF file that llama.cpp's convert_hf_to_gguf.py makes of the model can be measured.");
            }
        }

        return scores;
    }
}
