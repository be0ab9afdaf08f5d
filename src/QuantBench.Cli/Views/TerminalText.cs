using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using QuantBench.Core.Metrics;

namespace QuantBench.Cli.Views;

/// <summary>
/// Text for people: Markdown into files and pipes, and on a terminal the same without Markdown's signs, its tables aligned and fitted to
/// the width. What doesn't fit is left out by rank and named.
/// </summary>
internal static partial class TerminalText
{
    private const int LeastText = 24; // columns that a text is wrapped to at least
    private const int Gap = 2;
    private const string ClassHead = "Class"; // the variant's name says as much

    /// <summary>Writes for whoever reads standard output.</summary>
    /// <param name="output">Standard output.</param>
    /// <param name="markdown">The text.</param>
    public static void Write(TextWriter output, string markdown) => output.Write(For(markdown));

    /// <summary>The text as whoever reads standard output gets it.</summary>
    /// <param name="markdown">The text in Markdown.</param>
    public static string For(string markdown) =>
        Console.IsOutputRedirected || Width() is not { } width ? markdown : Render(markdown, width);

    /// <summary>The text for a terminal.</summary>
    /// <param name="markdown">Text as this program writes it: paragraphs, headings, tables.</param>
    /// <param name="width">Columns of the terminal.</param>
    public static string Render(string markdown, int width)
    {
        ArgumentNullException.ThrowIfNull(markdown);
        var text = new StringBuilder();
        string[] lines = markdown.Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            int end = i;
            while (end < lines.Length && lines[end].StartsWith('|')) end++;
            if (end - i >= 2)
            {
                Table(text, [.. lines[i..end].Select(Cells)], width);
                i = end - 1;
                continue;
            }

            text.Append(Wrap(Plain(lines[i].TrimStart('#').TrimStart()), width));
            if (i < lines.Length - 1) text.Append('\n');
        }

        return text.ToString();
    }

    /// <summary>Columns of the terminal; null when there is none.</summary>
    public static int? Width()
    {
        if (int.TryParse(Environment.GetEnvironmentVariable("COLUMNS"), NumberStyles.None, CultureInfo.InvariantCulture, out int told)
            && told > 0) return told;
        try
        {
            return Console.WindowWidth is > 0 and var width ? width : null;
        }
        catch (Exception e) when (e is IOException or PlatformNotSupportedException)
        {
            return null;
        }
    }

    // rows[0] is the head, rows[1] the alignment.
    private static void Table(StringBuilder text, string[][] rows, int width)
    {
        string[] head = rows[0];
        bool[] isNumber = [.. rows[1].Select(c => c.EndsWith(':'))];
        string[][] body = [.. rows.Skip(2).Select(r => r.Length == head.Length ? r : [.. r.Concat(head).Take(head.Length)])];
        int[] needed = [.. head.Select((h, c) => Math.Max(LongestWord(h), Longest(body, c, Length)))];
        // A long text may be wrapped, a number never.
        int[] least = [.. needed.Select((n, c) => isNumber[c] || n <= LeastText ? n : Math.Max(LeastText, Longest(body, c, LongestWord)))];
        List<int> shown = [.. Enumerable.Range(0, head.Length).Where(c => body.Length == 0 || body.Any(r => r[c].Length > 0))];
        var left = new List<int>();
        // The first column says whose row it is: it stays. Of the others goes what ranks last, a number before a text.
        while (shown.Count > 2 && shown.Sum(c => least[c] + Gap) - Gap > width)
        {
            int last = shown.Skip(1).OrderBy(c => isNumber[c] || head[c] == ClassHead ? 1 : 0).ThenBy(c => Rank(head[c])).ThenBy(c => c)
                .Last();
            shown.Remove(last);
            left.Add(last);
        }

        // What is left of the width goes to the texts that could use it, from the left.
        int[] widths = [.. least];
        int spare = width - shown.Sum(c => least[c] + Gap) + Gap;
        foreach (int c in shown)
        {
            int more = Math.Clamp(spare, 0, needed[c] - least[c]);
            widths[c] += more;
            spare -= more;
        }

        Row(text, head, shown, widths, isNumber, fromBelow: true);
        text.Append('─', shown.Sum(c => widths[c] + Gap) - Gap).Append('\n');
        foreach (string[] row in body) Row(text, row, shown, widths, isNumber, fromBelow: false);
        if (left.Count == 0) return;
        string names = string.Join(", ", left.Order().Select(c => head[c]));
        text.Append(Wrap($"Left out for want of width: {names}. A wider terminal shows more, --format md all.", width)).Append('\n');
    }

    // One row, of as many lines as its longest cell; a head stands on the line under it.
    private static void Row(StringBuilder text, string[] row, List<int> shown, int[] widths, bool[] isNumber, bool fromBelow)
    {
        string[][] cells = [.. shown.Select(c => Wrap(row[c], widths[c]).Split('\n'))];
        int height = cells.Max(c => c.Length);
        for (int line = 0; line < height; line++)
        {
            var written = new StringBuilder();
            for (int i = 0; i < shown.Count; i++)
            {
                int at = fromBelow ? line - (height - cells[i].Length) : line;
                string part = at >= 0 && at < cells[i].Length ? cells[i][at] : "";
                var pad = new string(' ', Math.Max(0, widths[shown[i]] - Length(part)));
                written.Append(isNumber[shown[i]] ? pad + part : part + pad).Append(' ', Gap);
            }

            text.Append(written.ToString().TrimEnd()).Append('\n');
        }
    }

    private static string[] Cells(string line)
    {
        var cells = new List<string>();
        var cell = new StringBuilder();
        string inner = line.Trim().Trim('|');
        for (int i = 0; i < inner.Length; i++)
        {
            if (inner[i] == '\\' && i + 1 < inner.Length) cell.Append(inner[i]).Append(inner[++i]);
            else if (inner[i] == '|') Take();
            else cell.Append(inner[i]);
        }

        Take();
        return [.. cells];

        void Take()
        {
            cells.Add(Plain(cell.ToString().Trim()));
            cell.Clear();
        }
    }

    // Without Markdown's signs, and without signs that can't be typed: a number found on the screen is found by grep.
    private static string Plain(string text)
    {
        var plain = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\' && i + 1 < text.Length) plain.Append(text[++i]);
            else if (text[i] != '`') plain.Append(text[i]);
        }

        return Thousands().Replace(plain.Replace("&lt;", "<").Replace("&amp;", "&").ToString(), "").Replace('\u00a0', ' ')
            .Replace('\u202f', ' ').Replace('\u2009', ' ');
    }

    private static string Wrap(string text, int width)
    {
        if (Length(text) <= width) return text;
        var wrapped = new StringBuilder();
        int at = 0;
        foreach (string word in text.Split(' '))
        {
            if (at > 0 && at + 1 + Length(word) > width)
            {
                wrapped.Append('\n');
                at = 0;
            }
            else if (at > 0)
            {
                wrapped.Append(' ');
                at++;
            }

            wrapped.Append(word);
            at += Length(word);
        }

        return wrapped.ToString();
    }

    // Leading metrics come first; what no metric's column begins with keeps its place behind them.
    private static int Rank(string head)
    {
        if (head.StartsWith('Δ') || head.StartsWith(DecisionMetrics.PerplexityRise.Name, StringComparison.Ordinal)) return 0;
        return MetricTable.Headlines.Where(m => head.StartsWith(m.Name, StringComparison.Ordinal)
            || (m.Column is { } column && head.StartsWith(column.Title, StringComparison.Ordinal))).Select(m => m.Headline).Min() ?? 100;
    }

    private static int Longest(string[][] body, int column, Func<string, int> measure) =>
        body.Select(r => measure(r[column])).DefaultIfEmpty(0).Max();

    private static int Length(string text) => new StringInfo(text).LengthInTextElements;

    private static int LongestWord(string text) => text.Split(' ').Max(Length);

    [GeneratedRegex(@"(?<=\d)[\u00a0\u202f\u2009](?=\d{3})")]
    private static partial Regex Thousands();
}
