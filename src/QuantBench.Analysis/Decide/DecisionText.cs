using System.Globalization;
using System.Text;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Limits;
using QuantBench.Analysis.Tables;
using QuantBench.Core.Profiles;

namespace QuantBench.Analysis.Decide;

/// <summary>Fronts and recommendations in sentences.</summary>
public static class DecisionText
{
    /// <summary>Where a candidate stands, as every page prints it.</summary>
    public static string Word(FrontPlace place) => place switch
    {
        FrontPlace.Front => "on the front",
        FrontPlace.MaybeFront => "beaten, not shown",
        _ => "beaten",
    };

    /// <summary>A front in one sentence.</summary>
    public static string Lead(ParetoFront front)
    {
        ArgumentNullException.ThrowIfNull(front);
        string axes = string.Join(" × ", front.Axes);
        string[] on = [.. front.Points.Where(p => p.Place == FrontPlace.Front).Select(p => p.Name)];
        if (front.Points.IsEmpty) return $"{front.Model}: no variant has a figure for each of {axes}.";
        string[] maybe = [.. front.Points.Where(p => p.Place == FrontPlace.MaybeFront).Select(p => p.Name)];
        int beaten = front.Points.Count(p => p.Place == FrontPlace.Beaten);
        string text =
            $"{front.Model}, {axes}: {Format.Count(on.Length)} of {Format.Count(front.Points.Length)} variants "
                + $"{(on.Length == 1 ? "isn't" : "aren't")} beaten by another on every axis ({List(on)})";
        if (maybe.Length > 0)
            text += $"; {List(maybe)} {(maybe.Length == 1 ? "is" : "are")} beaten by estimates only, within the intervals "
                + $"{(maybe.Length == 1 ? "it" : "they")} may belong to the front";
        return $"{text}; {Format.Count(beaten)} {(beaten == 1 ? "is" : "are")} shown to be beaten.";
    }

    /// <summary>A recommendation in one or two sentences: the pick and what binds it, or that nothing fits and what comes
    /// nearest.</summary>
    public static string Lead(Recommendation recommendation)
    {
        ArgumentNullException.ThrowIfNull(recommendation);
        string head = $"{recommendation.Model} for {recommendation.Profile.Name}";
        if (recommendation.Pick is not { } pick) return NothingFits(head, recommendation);
        string text =
            $"{head}: ship {pick.Name}. {Format.Count(recommendation.Ranked.Length)} of "
                + $"{Format.Count(recommendation.Ranked.Length + recommendation.Losers.Length)} variants keep every limit";
        // What rules the others out, then what would rule the pick out first.
        string[] excluded = [
            .. recommendation.Profile.Limits.Select(l =>
                (Limit: l, Count: recommendation.Losers.Count(c => c.Checks.Any(k => k.Bound == l && !k.Keeps)))).Where(l => l.Count > 0)
            .OrderByDescending(l => l.Count).Select(l => $"{BoundCheck.Text(l.Limit)} rules out {Format.Count(l.Count)}")];
        if (excluded.Length > 0) text += $": {string.Join(", ", excluded)}";
        text += pick.Tightest switch
        {
            { Use: > 0 } tight =>
                $". The limit that binds the pick first is {BoundCheck.Text(tight.Bound)}, of which it uses {Share(tight.Use)}.",
            _ => ". It uses nothing of any limit.",
        };
        if (!pick.Unsure.IsEmpty)
            text += $" It keeps {string.Join(" and ", pick.Unsure.Select(c => BoundCheck.Text(c.Bound)))} by its estimate only: the "
                + "interval reaches past the limit.";
        if (!recommendation.Ties.IsEmpty)
            text += $" Its score can't be told from that of {List([.. recommendation.Ties.Select(t => t.Name)])}.";
        return text;
    }

    /// <summary>When the pick changes, in a sentence; null when nothing fits.</summary>
    public static string? FlipSentence(Recommendation recommendation)
    {
        ArgumentNullException.ThrowIfNull(recommendation);
        if (recommendation.Flip is not { Check: { Use: > 0, Figure.Value: { } value } check } flip) return null;
        string limit = $"{check.Bound.Metric} {(check.Bound.IsMax ? "<" : ">")} {FigureText.Plain(value, check.Bound.Metric.Definition)}";
        return flip.Next is { } next ? $"With {limit} the pick would be {next.Name}." : $"With {limit} nothing would fit.";
    }

    /// <summary>Why a candidate lost: every limit that it breaks with figure and limit, or why it wasn't considered.</summary>
    public static string Why(Contender contender)
    {
        ArgumentNullException.ThrowIfNull(contender);
        return string.Join("; ", contender.Refusals.Concat(contender.Broken.Select(Broken)));
    }

    /// <summary>A share of a limit.</summary>
    public static string Share(double? use) =>
        use is not { } u ? Format.Missing : u >= 10 ? $"×{Format.Number(u)}" : $"{Format.Number(u * 100, u >= 0.1 ? 3 : 2)}\u00a0%";

    /// <summary>Fronts as Markdown.</summary>
    /// <param name="fronts">One per model.</param>
    /// <param name="most">Most variants to list; beyond it whole fronts are left out and counted.</param>
    public static string Markdown(IReadOnlyList<ParetoFront> fronts, int most = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(fronts);
        var text = new StringBuilder();
        int listed = 0;
        int shown = 0;
        foreach (ParetoFront front in fronts)
        {
            int length = front.Points.Length + front.Dropped.Length;
            if (shown > 0 && listed + length > most) break;
            listed += length;
            shown++;
            text.Append(CultureInfo.InvariantCulture,
                $"{E(Lead(front))}\n\n| Variant | Class | {string.Join(" | ", front.Axes.Select(a => E(a.ToString())))} | Place | Beaten "
                    + $"by |\n| --- | --- | {string.Join(" | ", front.Axes.Select(_ => "---:"))} | --- | --- |\n");
            foreach (ParetoPoint p in front.Points)
            {
                string figures = string.Join(" | ", p.Figures.Select((f, i) => E(FigureText.Of(f, front.Axes[i].Definition))));
                text.Append(CultureInfo.InvariantCulture,
                    $"| {E(p.Name)} | {Format.Class(p.Candidate.Class)} | {figures} | {Word(p.Place)} | {E(p.BeatenBy ?? Format.Missing)} "
                        + $"|\n");
            }

            foreach (ParetoDropped dropped in front.Dropped)
                text.Append(CultureInfo.InvariantCulture, $"\nLeft out: {E(dropped.Name)}: {E(dropped.Reason)}\n");
            text.Append('\n');
        }

        if (shown < fronts.Count)
            text.Append(CultureInfo.InvariantCulture,
                $"{Format.Count(fronts.Count - shown)} more models are left out; --all prints their fronts, "
                    + $"--format csv exports them.\n\n");
        foreach (string note in fronts.SelectMany(f => f.Notes).Distinct()) text.Append(E(note)).Append('\n');
        return text.ToString();
    }

    /// <summary>A recommendation as Markdown: the answer, the ranking with each share, why the others lost.</summary>
    public static string Markdown(Recommendation recommendation)
    {
        ArgumentNullException.ThrowIfNull(recommendation);
        Profile profile = recommendation.Profile;
        var text = new StringBuilder();
        text.Append(E(Lead(recommendation))).Append('\n');
        if (FlipSentence(recommendation) is { } flip) text.Append(E(flip)).Append('\n');
        string limits = string.Join(", ", profile.Limits.Select(BoundCheck.Text));
        text.Append(CultureInfo.InvariantCulture,
            $"\nLimits: "
                + $"{E(limits)}{(profile.Offline ? ", offline only" : "")}{(profile.Licences.IsEmpty ? "" : E($", licence one of "
                + $"{string.Join(", ", profile.Licences)}"))}.\n");
        text.Append(CultureInfo.InvariantCulture,
            $"Ranked by the weighted mean share of limits used, less is better: "
                + $"{E(string.Join(", ", profile.Weights.Select(w => $"{w.Bound.Metric} × {Format.Number(w.Value)}")))}.\n");
        if (!recommendation.Ranked.IsEmpty)
        {
            text.Append(CultureInfo.InvariantCulture,
                $"\n| Rank | Variant | Class | Score | {string.Join(" | ", profile.Limits.Select(l => E(BoundCheck.Text(l))))} |\n| ---: | "
                    + $"--- | --- | ---: | {string.Join(" | ", profile.Limits.Select(_ => "---:"))} |\n");
            int rank = 0;
            foreach (Contender c in recommendation.Ranked)
            {
                string shares =
                    string.Join(" | ",
                        c.Checks.Select(k =>
                            E($"{k.FigureWithInterval()}: {Share(k.Use)}{(k.Standing == Standing.KeptNotShown ? ", not shown" : "")}")));
                text.Append(CultureInfo.InvariantCulture,
                    $"| {++rank} | {E(c.Name)} | {Format.Class(c.Candidate.Class)} | "
                        + $"{Format.WithError((c.Score ?? 0) * 100, c.ScoreError > 0 ? c.ScoreError * 100 : null)} % | {shares} |\n");
            }
        }

        if (!recommendation.Losers.IsEmpty)
        {
            text.Append("\n| Lost, nearest first | Class | Why |\n| --- | --- | --- |\n");
            foreach (Contender c in recommendation.Losers)
                text.Append(CultureInfo.InvariantCulture, $"| {E(c.Name)} | {Format.Class(c.Candidate.Class)} | {E(Why(c))} |\n");
        }

        foreach (string note in recommendation.Notes) text.Append('\n').Append(E(note)).Append('\n');
        return text.ToString();
    }

    private static string E(string value) => MarkdownTable.Escape(value);

    private static string NothingFits(string head, Recommendation recommendation)
    {
        if (recommendation.NearestMiss is not { } near) return $"{head}: nothing fits: the run has no variant of it.";
        string text = $"{head}: nothing fits. Nearest miss: {near.Name}, {Why(near)}.";
        BoundCheck[] movable = [.. near.Broken.Where(b => b.Use is not null)];
        if (near.Refusals.IsEmpty && movable.Length == near.Broken.Length)
        {
            text += movable.Length == 1
                ? $" It would fit with {Admits(movable[0])}."
                : $" It would take {Format.Count(movable.Length)} changes to fit: {string.Join(" and ", movable.Select(Admits))}.";
        }

        return text;
    }

    // A limit at the figure itself, rounded to the side that admits it.
    private static string Admits(BoundCheck check)
    {
        double value = check.Figure.Value ?? check.Bound.Limit; // movable checks have a figure
        return $"{check.Bound.Metric} {(check.Bound.IsMax ? "≤" : "≥")} "
            + $"{FigureText.Plain(value * (check.Bound.IsMax ? 1.005 : 0.995), check.Bound.Metric.Definition)}";
    }

    private static string Broken(BoundCheck check) => check.Standing == Standing.NoFigure
        ? $"{check.Bound.Metric}: {check.Figure.Reason}"
        : $"{check.Bound.Metric} is {FigureText.Plain(check.Figure.Value ?? double.NaN, check.Bound.Metric.Definition)}, limit "
            + $"{(check.Bound.IsMax ? "≤" : "≥")} "
            + $"{BoundCheck.LimitText(check.Bound)}{(check.Standing == Standing.BrokenNotShown ? " (by its estimate only)" : "")}";

    private static string List(string[] names) =>
        names.Length <= 8 ? string.Join(", ", names) : $"{string.Join(", ", names.Take(7))} and {Format.Count(names.Length - 7)} more";
}
