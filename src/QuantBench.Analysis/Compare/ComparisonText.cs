using System.Globalization;
using System.Text;
using QuantBench.Analysis.Formatting;

namespace QuantBench.Analysis.Compare;

/// <summary>A comparison in words and as a Markdown table.</summary>
public static class ComparisonText
{
    /// <summary>The verdict as every page prints it.</summary>
    public static string Word(Verdict verdict) => verdict switch
    {
        Verdict.Better => "better",
        Verdict.Worse => "worse",
        Verdict.Different => "different",
        Verdict.NotComparable => "not comparable",
        Verdict.NoErrorKnown => "no error known",
        Verdict.Equal => "equal",
        _ => "not told apart",
    };

    /// <summary>The difference with its interval, as far as they are known.</summary>
    public static string Difference(MetricComparison row)
    {
        ArgumentNullException.ThrowIfNull(row);
        if (row.Difference is not { } difference) return Format.Missing;
        if (row.Absolute)
        {
            string sign = difference > 0 ? "+" : "";
            string unit = row.Metric.Unit == "1" ? "" : '\u00a0' + row.Metric.Unit;
            return row.Interval is { } ends
                ? $"{sign}{Format.WithinInterval(difference, [ends.Low, ends.High])} ({Format.Interval(ends.Low, ends.High)}){unit}"
                : $"{sign}{Format.Number(difference)}{unit}";
        }

        return row.Interval is { } interval ? $"{Format.Change(difference)} ({Format.ChangeInterval(interval)})"
            : Format.Change(difference);
    }

    /// <summary>One sentence: how many figures are better, worse, undecided, and which can't be compared.</summary>
    public static string Lead(RunComparison comparison)
    {
        ArgumentNullException.ThrowIfNull(comparison);
        if (comparison.Rows.Length == 0)
        {
            string own = comparison is { OnlyA: [var a, ..], OnlyB: [var b, ..] }
                ? $"cells are the same when model, variant, backend, workload and all settings are, and the first has e.g. '{a}' where the "
                    + $"second has '{b}'"
                : "the cells of one have no figure in the other";
            return $"{comparison.B} against {comparison.A}: they share nothing that could be compared: {own}.";
        }

        int Count(Verdict verdict) => comparison.Rows.Count(r => r.Verdict == verdict);
        string text =
            $"{comparison.B} against {comparison.A}: of {comparison.Rows.Length} figures {Count(Verdict.Better)} better, "
                + $"{Count(Verdict.Worse)} worse";
        foreach (Verdict other in Enum.GetValues<Verdict>().Where(v => v is not (Verdict.Better or Verdict.Worse) && Count(v) > 0))
            text += $", {Count(other)} {Word(other)}";
        return comparison.Differing.Length == 0 ? $"{text}."
            : $"{text}. Timings can't be compared: {string.Join("; ", comparison.Differing)}.";
    }

    /// <summary>The comparison as Markdown.</summary>
    /// <param name="comparison">The comparison.</param>
    /// <param name="most">Most rows to print, what matters first; a sentence counts what is left out.</param>
    public static string Markdown(RunComparison comparison, int most = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(comparison);
        var text = new StringBuilder();
        text.Append(E(Lead(comparison)))
            .Append("\n\n| Cell | Class | Metric | A | B | Difference (95 %) | Verdict | How |\n| --- | --- | --- | ---: | ---: | ---: | "
                + "--- | --- |\n");
        foreach (MetricComparison r in Shown(comparison, most))
            text.Append(CultureInfo.InvariantCulture,
                $"| {E(r.Cell)} | {Class(r)} | {E(r.Metric.Name)} | {E(Format.Value(r.A))} | {E(Format.Value(r.B))} | {E(Difference(r))} | "
                    + $"{Word(r.Verdict)} | {E(r.Note)} |\n");
        if (comparison.Rows.Length > most) text.Append('\n').Append(E(LeftOut(comparison, most))).Append('\n');
        return text.ToString();

        static string E(string text) => MarkdownText.Escape(text);
    }

    // Losses and gains are shown evenly where not all fit: 200 losses alone would hide what was won.
    private static IEnumerable<MetricComparison> Shown(RunComparison comparison, int most)
    {
        if (comparison.Rows.Length <= most) return comparison.Rows;
        int worse = comparison.Count(Verdict.Worse);
        int other = comparison.Count(Verdict.Better) + comparison.Count(Verdict.Different);
        int losses = Math.Min(worse, Math.Max(most / 2, most - other));
        return comparison.Rows.Take(losses).Concat(comparison.Rows.Skip(worse).Take(most - losses));
    }

    private static string LeftOut(RunComparison comparison, int most)
    {
        string of =
            string.Join(", ",
                Enum.GetValues<Verdict>()
                    .Select(v => (Verdict: v, Count: comparison.Count(v) - Shown(comparison, most).Count(r => r.Verdict == v)))
            .Where(v => v.Count > 0).Select(v => $"{Format.Count(v.Count)} {Word(v.Verdict)}"));
        return $"{Format.Count(comparison.Rows.Length - most)} figures are left out ({of}); --all prints them, --format csv exports them.";
    }

    // One class where both sides have it, else from which to which.
    private static string Class(MetricComparison row)
    {
        if (row.ClassA is not { } classA || row.ClassB is not { } classB) return Format.Missing;
        string a = Format.Class(classA);
        string b = Format.Class(classB);
        return a == b ? a : $"{a} → {b}";
    }
}
