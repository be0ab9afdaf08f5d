using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Formats.Files;

namespace QuantBench.Formats.Tokenizers;

/// <summary>SentencePiece Unigram as <c>tokenizer.json</c> spells it: pieces with scores, and what SentencePiece does to spaces and
/// characters as normalizers and pre-tokenizers.</summary>
internal static class HuggingFaceUnigram
{
    // What llama.cpp's converter gives to places that nothing uses, and to tokens that were added.
    private const float NoPiece = -10_000;
    private const float Added = -1000;

    /// <summary>Text and id of each piece.</summary>
    /// <param name="model">The object <c>model</c>.</param>
    public static IEnumerable<(string Text, int Id)> Pieces(ModelJson model)
    {
        int id = 0;
        foreach (ModelJson piece in model.Get("vocab").Items())
            yield return (Pair(piece) ? piece[0].AsString() : throw piece.Wrong("a piece and its score"), id++);
    }

    /// <summary>Makes a definition, without its BOS token.</summary>
    /// <param name="json">The whole file.</param>
    /// <param name="tokens">Its tokens.</param>
    /// <param name="types">Their types.</param>
    /// <param name="path">Path, for messages.</param>
    /// <exception cref="QuantBenchException">It is broken, or does what SentencePiece doesn't.</exception>
    public static UnigramDefinition Read(ModelJson json, ImmutableArray<string> tokens, ImmutableArray<TokenType> types, string path)
    {
        ModelJson model = json.Get("model");
        if (model.Find("unk_id") is not { IsNumber: true } unknown)
            throw new UnsupportedException(path, "Unigram without 'model.unk_id' is not read.");
        int unknownId = unknown.AsInt32(0, tokens.Length - 1);
        float[] scores = [.. types.Select(type => type == TokenType.Unused ? NoPiece : Added)];
        int count = 0;
        foreach (ModelJson piece in model.Get("vocab").Items()) scores[count++] = (float)piece[1].AsDouble();

        (string Text, TokenType Type)[] adjusted =
            [.. tokens.Select((token, id) => HuggingFaceSentencePiece.Adjust(token, types[id], tokens[unknownId]))];
        var definition = new UnigramDefinition(
            [.. adjusted.Select(token => token.Text)], [.. adjusted.Select(token => token.Type)], [.. scores], unknownId, null)
        {
            BytesFallBack = model.Find("byte_fallback")?.AsBoolean() ?? false,
        };
        definition = Normalized(definition, json.Find("normalizer"), path, out bool replacesSpaces);
        return PreTokenized(definition, json.Find("pre_tokenizer"), replacesSpaces, path);
    }

    private static bool Pair(ModelJson piece) => piece.IsArray && piece.Count == 2;

    private static UnigramDefinition Normalized(UnigramDefinition definition, ModelJson? normalizer, string path, out bool replacesSpaces)
    {
        replacesSpaces = false;
        foreach (ModelJson step in Steps(normalizer, "normalizers"))
        {
            string type = step.Get("type").AsString();
            switch (type)
            {
                case "Precompiled" when definition.CharacterMap.IsEmpty && !replacesSpaces:
                    definition = definition with { CharacterMap = CharacterMapOf(step) };
                    continue;
                case "Prepend" when step.Get("prepend").AsString() == "▁" && !replacesSpaces:
                    definition = definition with { AddSpacePrefix = true };
                    continue;
                // Spaces at the ends go with those of runs.
                case "Strip":
                    continue;
                case "Replace" when Spaces(step, out bool runs):
                    if (runs) definition = definition with { RemoveExtraSpaces = true };
                    else replacesSpaces = true;
                    continue;
                default:
                    throw new UnsupportedException(path, $"the normalizer '{type}' is not read together with Unigram.");
            }
        }

        return definition;
    }

    /// <summary>Whether a step replaces spaces, or runs of them, by one.</summary>
    private static bool Spaces(ModelJson step, out bool runs)
    {
        ModelJson pattern = step.Get("pattern");
        string content = step.Get("content").AsString();
        runs = pattern.Find("Regex") is { IsString: true } regex && regex.AsString() == " {2,}";
        return runs ? content is " " or "▁" : pattern.Find("String") is { IsString: true } text && text.AsString() == " " && content == "▁";
    }

    private static UnigramDefinition PreTokenized(UnigramDefinition definition, ModelJson? preTokenizer, bool replacesSpaces, string path)
    {
        bool splits = false;
        foreach (ModelJson step in Steps(preTokenizer, "pretokenizers"))
        {
            string type = step.Get("type").AsString();
            if (type == "WhitespaceSplit" && !replacesSpaces)
            {
                // It drops every kind of white space; that is the same only where the map makes spaces of them before.
                if (!new CharacterMap(definition.CharacterMap.AsSpan()).Match("\n"u8, out _).SequenceEqual(" "u8))
                {
                    throw new UnsupportedException(path,
                        "the pre-tokenizer 'WhitespaceSplit' is not read where no normalizer makes spaces of line breaks.");
                }

                definition = definition with { RemoveExtraSpaces = true };
            }
            else if (type == "Metaspace" && step.Get("replacement").AsString() == "▁")
            {
                splits = step.Find("split")?.AsBoolean() ?? true;
                replacesSpaces = true;
                bool prefix = step.Find("prepend_scheme") is { } scheme ? scheme.AsString() != "never"
                    : step.Find("add_prefix_space")?.AsBoolean() ?? true;
                definition = definition with { AddSpacePrefix = definition.AddSpacePrefix || prefix };
            }
            else
            {
                throw new UnsupportedException(path, $"the pre-tokenizer '{type}' is not read together with Unigram.");
            }
        }

        if (!replacesSpaces) throw new UnsupportedException(path, "Unigram that leaves spaces is not read.");
        string? across = !splits ? null : definition.Tokens.Where((token, id) => definition.Types[id] == TokenType.Normal)
            .FirstOrDefault(token => token.AsSpan(Math.Min(1, token.Length)).Contains(SentencePieceDefinition.Space));
        return across is null ? definition
            : throw new UnsupportedException(path, $"its text is cut before spaces, so that the piece '{across}' is never found.");
    }

    private static ModelJson[] Steps(ModelJson? steps, string inside) => steps is not { } json ? []
        : json.Get("type").AsString() == "Sequence" ? [.. json.Get(inside).Items()] : [json];

    private static ImmutableArray<byte> CharacterMapOf(ModelJson step)
    {
        ModelJson text = step.Get("precompiled_charsmap");
        string base64 = text.AsString();
        byte[] bytes = new byte[(base64.Length / 4 * 3) + 3];
        return Convert.TryFromBase64String(base64, bytes, out int length) ? [.. bytes.AsSpan(0, length)] : throw text.Wrong("base64");
    }
}
