using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace QuantBench.Formats.Tokenizers;

/// <summary>
/// Cuts text by llama.cpp's regexes, one after the other: each cuts what those before it left. As there, every code point is one character
/// of what is matched: where a regex asks for categories, one character per category stands for all letters (numbers, …) beyond ASCII.
/// </summary>
internal sealed class RegexPieces
{
    private const string Contractions = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])";
    private const string Tail = @"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Capitals = @"((?=[\p{L}])([^a-z]))";
    private const string Smalls = @"((?=[\p{L}])([^A-Z]))";
    private const string Cjk = "[一-龥\u0800-一가-\uD7FF]+";

    // What stands for letters, numbers, punctuation, marks and symbols beyond ASCII, for all else there, and for white space.
    private const char Letter = '\u00D2', Number = '\u00D1', Punctuation = '\u00D3', Mark = '\u00D4', Symbol = '\u00D5', Else = '\u00D0';
    private const char Space = '\v';

    // For code points beyond the basic plane where regexes name characters: the cased letters among them, and others.
    private const char FarLetter = '\u00C0', Far = '\uE000';

    private static readonly ConcurrentDictionary<PreTokenizerKind, RegexPieces?> s_known = [];

    private readonly ImmutableArray<(Regex Regex, bool ByCategory)> _regexes;

    private RegexPieces(IEnumerable<string> patterns) => _regexes =
    [
        .. patterns.Select(pattern => (new Regex(Collapse(pattern), RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture),
            pattern.Contains(@"\p{", StringComparison.Ordinal))),
    ];

    /// <summary>The regexes of a kind; null for those that <see cref="PieceScanner"/> cuts.</summary>
    public static RegexPieces? Of(PreTokenizerKind kind) => s_known.GetOrAdd(
        kind, static wanted => Patterns(wanted) is { Length: > 0 } patterns ? new RegexPieces(patterns) : null);

    /// <summary>The pieces in order: where each starts in the text, and its length, both in UTF-16 units. Together they are the whole
    /// text.</summary>
    /// <param name="text">Well-formed text.</param>
    public IEnumerable<(int Start, int Length)> Cut(string text)
    {
        var starts = new List<int>(text.Length + 1);
        char[] byCategory = new char[text.Length], byCharacter = new char[text.Length];
        int at = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            byCategory[starts.Count] = Category(rune);
            byCharacter[starts.Count] = Character(rune);
            starts.Add(at);
            at += rune.Utf16SequenceLength;
        }

        var ends = new List<int> { starts.Count };
        foreach ((Regex regex, bool categories) in _regexes) ends = Cut(regex, categories ? byCategory : byCharacter, ends);
        starts.Add(at);
        int from = 0;
        foreach (int end in ends)
        {
            if (end > from) yield return (starts[from], starts[end] - starts[from]);
            from = end;
        }
    }

    private static List<int> Cut(Regex regex, char[] characters, List<int> ends)
    {
        var cut = new List<int>(ends.Count);
        int start = 0;
        foreach (int end in ends)
        {
            int done = start;
            // Of its own, so that a look ahead stops at its end.
            foreach (ValueMatch match in regex.EnumerateMatches(characters.AsSpan(start, end - start)))
            {
                if (start + match.Index > done) cut.Add(start + match.Index);
                done = start + match.Index + match.Length;
                cut.Add(done);
            }

            if (done < end) cut.Add(end);
            start = end;
        }

        return cut;
    }

    private static char Category(Rune rune)
    {
        if (rune.IsAscii) return (char)rune.Value;
        if (Rune.IsWhiteSpace(rune)) return Space;
        return Rune.GetUnicodeCategory(rune) switch
        {
            UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
                or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => Letter,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Number,
            UnicodeCategory.ConnectorPunctuation or UnicodeCategory.DashPunctuation or UnicodeCategory.OpenPunctuation
                or UnicodeCategory.ClosePunctuation or UnicodeCategory.InitialQuotePunctuation or UnicodeCategory.FinalQuotePunctuation
                or UnicodeCategory.OtherPunctuation => Punctuation,
            UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark => Mark,
            UnicodeCategory.MathSymbol or UnicodeCategory.CurrencySymbol or UnicodeCategory.ModifierSymbol
                or UnicodeCategory.OtherSymbol => Symbol,
            _ => Else,
        };
    }

    private static char Character(Rune rune) => rune.Value switch
    {
        > 0x7F when Rune.IsWhiteSpace(rune) => Space,
        <= 0xFFFF => (char)rune.Value,
        (>= 0x10400 and <= 0x1044F) or (>= 0x104B0 and <= 0x104D3) or (>= 0x104D8 and <= 0x104FB) or (>= 0x10C80 and <= 0x10CB2)
            or (>= 0x10CC0 and <= 0x10CF2) or (>= 0x118A0 and <= 0x118DF) or (>= 0x1E900 and <= 0x1E943) => FarLetter,
        _ => Far,
    };

    /// <summary>A regex over categories as one over the characters that stand for them.</summary>
    private static string Collapse(string pattern)
    {
        var collapsed = new StringBuilder();
        bool inside = false;
        for (int i = 0; i < pattern.Length; i++)
        {
            if (pattern[i] == '\\' && i + 4 < pattern.Length && pattern[i + 1] == 'p')
            {
                string characters = pattern[i + 3] switch
                {
                    'L' => $"{Letter}A-Za-z",
                    'N' => $"{Number}0-9",
                    'P' => Punctuation + @"!-#%-*,-/:-;?-@\[-\]_\{\}",
                    'M' => $"{Mark}",
                    _ => Symbol + @"\$\+<->\^`\|~",
                };
                collapsed.Append(inside ? characters : $"[{characters}]");
                i += 4;
                continue;
            }

            bool escaped = i > 0 && pattern[i - 1] == '\\' && (i < 2 || pattern[i - 2] != '\\');
            if (pattern[i] == '[' && !escaped) inside = true;
            else if (pattern[i] == ']' && !escaped) inside = false;
            collapsed.Append(pattern[i]);
        }

        return collapsed.ToString();
    }

    private static string[] Patterns(PreTokenizerKind kind) => kind switch
    {
        PreTokenizerKind.Qwen35 =>
            [Contractions + @"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"],
        PreTokenizerKind.Gpt4o =>
        [
            $@"[^\r\n\p{{L}}\p{{N}}]?{Capitals}*{Smalls}+{Contractions}?|[^\r\n\p{{L}}\p{{N}}]?{Capitals}+{Smalls}*{Contractions}?"
                + @"|\p{N}{1,3}" + Tail,
        ],
        PreTokenizerKind.Tekken =>
            [$@"[^\r\n\p{{L}}\p{{N}}]?{Capitals}*{Smalls}+|[^\r\n\p{{L}}\p{{N}}]?{Capitals}+{Smalls}*|\p{{N}}" + Tail],
        PreTokenizerKind.DeepSeek3 => [@"\p{N}{1,3}", "[一-龥\u3040-ゟ゠-ヿ]+", PreTokenizers.DeepSeek3Regex],
        PreTokenizerKind.DeepSeekLlm =>
            [@"[\r\n]", @"\s?[" + CasedLetters.All + "]+", @"\s?[!-/:-~！-／：-～‘-‟\u3000-。]+", @"\s+\z", Cjk, @"\p{N}+"],
        PreTokenizerKind.DeepSeekCoder => [@"[\r\n]", @"\s?\p{L}+", @"\s?\p{P}+", Cjk, @"\p{N}"],
        PreTokenizerKind.Falcon => [@"[\p{P}\$\+<=>\^~\|`]+", PreTokenizers.Gpt2Regex, "[0-9][0-9][0-9]"],
        PreTokenizerKind.Default => [@"[\p{P}\$\+<=>\^~\|]+", PreTokenizers.Gpt2Regex, @"\p{N}+", "[0-9][0-9][0-9]"],
        PreTokenizerKind.Dbrx =>
            [Contractions + @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"],
        PreTokenizerKind.SeedCoder =>
            [Contractions + @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+"],
        PreTokenizerKind.Bloom => [@" ?[^(\s|.,!?…。，、।۔،)]+"],
        _ => [],
    };
}
