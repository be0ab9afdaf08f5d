using System.Globalization;
using System.Text;

namespace QuantBench.Formats.Tokenizers;

/// <summary>
/// Cuts text into the pieces that the pre-tokenizers' regexes match. Written out by hand instead of as a .NET regex because those see
/// UTF-16 halves, so a letter outside the basic plane would not count as one.
/// </summary>
internal sealed class PieceScanner
{
    private readonly int[] _runes;
    private readonly RuneClass[] _classes;
    private readonly int[] _starts;
    private readonly PreTokenizerKind _kind;
    private int _end;

    /// <param name="text">Well-formed text.</param>
    /// <param name="kind">Whose pieces.</param>
    public PieceScanner(string text, PreTokenizerKind kind)
    {
        _kind = kind;
        _runes = new int[text.Length];
        _classes = new RuneClass[text.Length];
        _starts = new int[text.Length + 1];
        int count = 0;
        int at = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            _runes[count] = rune.Value;
            _classes[count] = Classify(rune);
            _starts[count++] = at;
            at += rune.Utf16SequenceLength;
        }

        _starts[count] = at;
        Count = count;
    }

    private enum RuneClass : byte
    {
        /// <summary>Past the end of what is scanned.</summary>
        None,
        Letter,
        Number,
        Space,
        Other,
    }

    private int Count { get; }

    /// <summary>The pieces in order: where each starts in the text, and its length, both in UTF-16 units. Together they are the whole
    /// text.</summary>
    public IEnumerable<(int Start, int Length)> Pieces()
    {
        foreach ((int start, int end) in Fragments())
        {
            _end = end;
            for (int position = start; position < end;)
            {
                int next = _kind is PreTokenizerKind.Gpt2 or PreTokenizerKind.SmolLm ? NextGpt2(position) : NextLlama3(position);
                yield return (_starts[position], _starts[next] - _starts[position]);
                position = next;
            }
        }
    }

    private static RuneClass Classify(Rune rune)
    {
        if (rune.IsAscii)
        {
            int value = rune.Value;
            if (value is (>= 'a' and <= 'z') or (>= 'A' and <= 'Z')) return RuneClass.Letter;
            if (value is >= '0' and <= '9') return RuneClass.Number;
            return value is ' ' or (>= '\t' and <= '\r') ? RuneClass.Space : RuneClass.Other;
        }

        return Rune.GetUnicodeCategory(rune) switch
        {
            UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
                or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => RuneClass.Letter,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => RuneClass.Number,
            _ => Rune.IsWhiteSpace(rune) ? RuneClass.Space : RuneClass.Other,
        };
    }

    /// <summary>What is scanned on its own, so that a look ahead stops at its end: everything, or the stretches between single
    /// digits.</summary>
    private IEnumerable<(int Start, int End)> Fragments()
    {
        if (_kind != PreTokenizerKind.SmolLm)
        {
            yield return (0, Count);
            yield break;
        }

        int start = 0;
        for (int i = 0; i < Count; i++)
        {
            if (_classes[i] != RuneClass.Number) continue;
            if (i > start) yield return (start, i);
            yield return (i, i + 1);
            start = i + 1;
        }

        if (Count > start) yield return (start, Count);
    }

    private RuneClass ClassAt(int position) => position < _end ? _classes[position] : RuneClass.None;

    private int RuneAt(int position) => position < _end ? _runes[position] : -1;

    private int Run(int position, RuneClass runeClass)
    {
        while (ClassAt(position) == runeClass) position++;
        return position;
    }

    private int NextGpt2(int position)
    {
        if (Contraction(position, ignoreCase: false) is var length and > 0) return position + length;

        // <space>?letters | <space>?digits | <space>?others
        int first = RuneAt(position) == ' ' ? position + 1 : position;
        RuneClass runeClass = ClassAt(first);
        if (runeClass is RuneClass.Letter or RuneClass.Number or RuneClass.Other) return Run(first, runeClass);
        return Spaces(position);
    }

    private int NextLlama3(int position)
    {
        if (Contraction(position, ignoreCase: true) is var length and > 0) return position + length;
        int rune = RuneAt(position);
        RuneClass runeClass = ClassAt(position);

        // [^\r\n\p{L}\p{N}]?\p{L}+
        if (runeClass == RuneClass.Letter) return Run(position, RuneClass.Letter);
        if (runeClass != RuneClass.Number && rune is not ('\r' or '\n') && ClassAt(position + 1) == RuneClass.Letter)
            return Run(position + 1, RuneClass.Letter);

        if (runeClass == RuneClass.Number)
        {
            int most = _kind == PreTokenizerKind.Qwen2 ? 1 : 3;
            int stop = position + 1;
            while (stop < position + most && ClassAt(stop) == RuneClass.Number) stop++;
            return stop;
        }

        // <space>?others[\r\n]*
        int first = rune == ' ' ? position + 1 : position;
        if (ClassAt(first) == RuneClass.Other)
        {
            int next = Run(first, RuneClass.Other);
            while (RuneAt(next) is '\r' or '\n') next++;
            return next;
        }

        // \s*[\r\n]+: up to the last line break of the white space.
        int end = Run(position, RuneClass.Space);
        for (int last = end - 1; last >= position; last--)
        {
            if (RuneAt(last) is '\r' or '\n') return last + 1;
        }

        return Spaces(position);
    }

    /// <summary>\s+(?!\S)|\s+: all white space to the end; in front of something else, all but the last.</summary>
    private int Spaces(int position)
    {
        int end = Run(position, RuneClass.Space);
        return end - position > 1 && end < _end ? end - 1 : end;
    }

    /// <summary>Length of 's, 't, 're, 've, 'm, 'll or 'd here; 0 when there is none.</summary>
    private int Contraction(int position, bool ignoreCase)
    {
        if (RuneAt(position) != '\'') return 0;
        int first = Lower(RuneAt(position + 1), ignoreCase);
        if (first is 's' or 't' or 'm' or 'd') return 2;
        int second = Lower(RuneAt(position + 2), ignoreCase);
        return (first, second) is ('r', 'e') or ('v', 'e') or ('l', 'l') ? 3 : 0;
    }

    private static int Lower(int rune, bool ignoreCase) => ignoreCase && rune is >= 'A' and <= 'Z' ? rune + 32 : rune;
}
