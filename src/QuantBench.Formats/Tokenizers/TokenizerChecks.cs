using System.Collections.Immutable;
using QuantBench.Core.Errors;

namespace QuantBench.Formats.Tokenizers;

/// <summary>What must hold of a definition that was read from a file before it is used.</summary>
internal static class TokenizerChecks
{
    /// <exception cref="ModelFormatException">Two ids have the same text, or a merge names what isn't a token.</exception>
    public static void Check(TokenizerDefinition definition, string file)
    {
        var texts = new HashSet<string>(definition.Tokens.Length, StringComparer.Ordinal);
        for (int id = 0; id < definition.Tokens.Length; id++)
        {
            if (!texts.Add(definition.Tokens[id]))
                throw new ModelFormatException(file, null, $"token {id} has the same text as another one: '{definition.Tokens[id]}'.");
            if (!Enum.IsDefined(definition.Types[id]))
                throw new ModelFormatException(file, null, $"token {id} has the unknown type {(int)definition.Types[id]}.");
        }

        if (definition.BosToken is { } bos && (uint)bos >= (uint)definition.Tokens.Length)
        {
            throw new ModelFormatException(file, null, $"the BOS token {bos} is not one of the {definition.Tokens.Length} tokens.");
        }

        if (definition is BpeDefinition bpe) CheckMerges(bpe, texts, file);
        else if (definition is SentencePieceDefinition pieces) CheckPieces(pieces, pieces.Scores, true, texts, file);
        else if (definition is UnigramDefinition unigram) CheckUnigram(unigram, texts, file);
    }

    private static void CheckUnigram(UnigramDefinition definition, HashSet<string> texts, string file)
    {
        CheckPieces(definition, definition.Scores, definition.BytesFallBack, texts, file);
        if ((uint)definition.UnknownToken >= (uint)definition.Tokens.Length)
        {
            throw new ModelFormatException(file, null,
                $"the unknown token {definition.UnknownToken} is not one of the {definition.Tokens.Length} tokens.");
        }

        if (CharacterMap.Problem(definition.CharacterMap.AsSpan()) is { } problem)
            throw new ModelFormatException(file, null, $"'precompiled_charsmap' is broken: {problem}.");
    }

    private static void CheckPieces(
        TokenizerDefinition definition, ImmutableArray<float> scores, bool bytes, HashSet<string> texts, string file)
    {
        if (scores.Length != definition.Tokens.Length)
        {
            throw new ModelFormatException(file, null,
                $"there are {definition.Tokens.Length} tokens, but {scores.Length} scores.");
        }

        int at = scores.Select((score, id) => (score, id)).Where(s => float.IsNaN(s.score)).Select(s => s.id)
            .DefaultIfEmpty(-1).First();
        if (at >= 0) throw new ModelFormatException(file, null, $"the score of token {at} is not a number.");
        if (!bytes) return;
        foreach (string name in Enumerable.Range(0, 256).Select(SentencePieceDefinition.ByteToken))
        {
            if (!texts.Contains(name))
                throw new UnsupportedException(file, $"SentencePiece without byte fallback is not read: there is no token {name}.");
        }
    }

    private static void CheckMerges(BpeDefinition definition, HashSet<string> texts, string file)
    {
        foreach (string merge in definition.Merges)
        {
            int space = merge.IndexOf(' ', Math.Min(1, merge.Length));
            if (space < 1 || space == merge.Length - 1) throw new ModelFormatException(file, null, $"the merge '{merge}' is not a pair.");
            string left = merge[..space];
            string right = merge[(space + 1)..];
            foreach (string part in (string[])[left, right, left + right])
            {
                if (!texts.Contains(part))
                    throw new ModelFormatException(file, null, $"the merge '{merge}' needs the token '{part}', which is missing.");
            }
        }
    }
}
