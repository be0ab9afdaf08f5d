using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text;

namespace QuantBench.Formats.Tokenizers;

/// <summary>Cuts user-defined tokens out of a text, longest first, before anything else is done with it.</summary>
internal sealed class UserDefinedTokens
{
    // llama.cpp takes these for control tokens, whatever their file says: ends of turns and texts, and places to fill in code.
    private static readonly FrozenSet<string> s_control = FrozenSet.Create(StringComparer.Ordinal,
        "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>", "<end_of_turn>", "<|endoftext|>",
        "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<|end_of_text|>", "<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>",
        "</s>", "<｜end▁of▁sentence｜>", "[e~[", "<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<｜fim▁begin｜>", "<PRE>", "▁<PRE>",
        "<|code_prefix|>", "<|prefix|>", "<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<｜fim▁hole｜>", "<SUF>", "▁<SUF>",
        "<|code_suffix|>", "<|suffix|>", "<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<｜fim▁end｜>", "<MID>", "▁<MID>",
        "<|code_middle|>", "<|middle|>", "<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]", "<|fim_repo|>", "<|repo_name|>",
        "<fim-repo>", "<REPO>", "<reponame>", "<|file_sep|>");

    // And these for user-defined ones (gpt-oss).
    private static readonly FrozenSet<string> s_userDefined =
        FrozenSet.Create(StringComparer.Ordinal, "<|channel|>", "<|message|>", "<|start|>", "<|constrain|>");

    private readonly ImmutableArray<(string Text, int Id)> _tokens;
    private readonly FrozenSet<int> _ids;

    public UserDefinedTokens(TokenizerDefinition definition)
    {
        bool endsNothing = EndsNothing(definition);
        _tokens =
        [
            .. definition.Tokens.Select((text, id) => (Text: text, Id: id))
                .Where(token => token.Text.Length > 0 && IsUserDefined(token.Text, definition.Types[token.Id], endsNothing))
                .OrderByDescending(token => Encoding.UTF8.GetByteCount(token.Text)),
        ];
        _ids = _tokens.Select(token => token.Id).ToFrozenSet();
    }

    /// <summary>Whether a token is one.</summary>
    public bool Contains(int token) => _ids.Contains(token);

    /// <summary>Whether there are none.</summary>
    public bool IsEmpty => _tokens.IsEmpty;

    /// <summary>Whether a tokenizer's ids aren't what the types in its file say.</summary>
    public static bool Overrides(TokenizerDefinition definition)
    {
        bool endsNothing = EndsNothing(definition);
        return definition.Tokens.Where((text, id) =>
            IsUserDefined(text, definition.Types[id], endsNothing) != (definition.Types[id] == TokenType.UserDefined)).Any();
    }

    /// <summary>The text's parts in order: user-defined tokens, and plain text (token −1).</summary>
    public List<(string Text, int Token)> Split(string text)
    {
        var fragments = new List<(string Text, int Token)>();
        if (text.Length > 0) fragments.Add((text, -1));
        foreach ((string token, int id) in _tokens)
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

    /// <summary>The text with halves of surrogate pairs replaced by U+FFFD, as they are in any UTF-8 file.</summary>
    public static string WellFormed(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i])) continue;
            if (i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1])) i++;
            else return Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
        }

        return text;
    }

    private static bool IsUserDefined(string text, TokenType type, bool endsNothing) =>
        s_userDefined.Contains(text) || (endsNothing && text == "<|end|>") || (type == TokenType.UserDefined && !s_control.Contains(text));

    /// <summary>Whether <c>&lt;|end|&gt;</c> ends a message but no turn, as in gpt-oss and solar-open.</summary>
    private static bool EndsNothing(TokenizerDefinition definition)
    {
        ImmutableArray<string> tokens = definition.Tokens;
        bool call = tokens.Contains("<|call|>") || tokens.Contains("<|calls|>");
        return call && (tokens.Contains("<|return|>") || tokens.Contains("<|flush|>"));
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
