using System.Globalization;
using System.Text;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Limits;
using QuantBench.Core.Limits;
using QuantBench.Core.Metrics;
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
        string axes = string.Join(" × ", front.Axes.Select(MetricText.Of));
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

    /// <summary>
    /// A recommendation in a few sentences: the pick and why it, what the next better one breaks, what isn't known for sure; or that
    /// nothing fits and what comes nearest.
    /// </summary>
    public static string Lead(Recommendation recommendation)
    {
        ArgumentNullException.ThrowIfNull(recommendation);
        string head = $"{recommendation.Model} for {recommendation.Profile.Name}";
        string misfit = recommendation.Misfit is { } m ? $" But {m}." : "";
        if (recommendation.Pick is not { } pick) return NothingFits(head, recommendation) + misfit;
        Profile profile = recommendation.Profile;
        int all = recommendation.Ranked.Length + recommendation.Losers.Length;
        // The others that keep every limit as surely as the pick: those of which it is only not known aren't compared with.
        Contender[] alike = [.. recommendation.Ranked.Where(c => c.Unsure.IsEmpty || !pick.Unsure.IsEmpty)];
        // One of equals by the first metric was chosen by the next, so its own estimate needn't be the best.
        string place = alike.Any(c => c.Loss(profile, 0) < pick.Loss(profile, 0)) ? $"not told from {Superlative(profile.Prefer[0])}"
            : Superlative(profile.Prefer[0]);
        string text = alike.Length == 1
            ? $"{head}: ship {pick.Name}, the only one of {Format.Count(all)} that keeps every limit."
            : $"{head}: ship {pick.Name}, {place} ({Preferred(profile, pick, 0)}) of the {Format.Count(alike.Length)} of "
                + $"{Format.Count(all)} variants that keep every limit.";
        string[] quality =
        [
            .. pick.Checks.Where(c => c.Bound.Metric.Definition.Kind == MetricKind.Quality)
                .Select(c => $"{MetricText.Of(c.Bound.Metric)} {c.FigureWithInterval()}, limit {Sign(c.Bound)} "
                    + BoundCheck.LimitText(c.Bound)),
        ];
        if (quality.Length > 0) text += $" Quality: {string.Join("; ", quality)}.";
        if (recommendation.Better is { } better)
        {
            text += $" {better.Name} would be preferred ({Preferred(profile, better, 0)}) but breaks "
                + $"{(better.Broken.Length == 1 ? "a limit" : $"{Format.Count(better.Broken.Length)} limits")}: {Why(better)}.";
        }

        if (!pick.Unsure.IsEmpty)
            text += $" It keeps {string.Join(" and ", pick.Unsure.Select(c => Limit(c.Bound)))} by its estimate only: the "
                + "interval reaches past the limit, and no variant is shown to keep every one.";
        Contender[] maybe =
        [
            .. recommendation.Ranked.Where(c => c != pick && pick.Unsure.IsEmpty && !c.Unsure.IsEmpty
                && c.Loss(profile, 0) < pick.Loss(profile, 0)),
        ];
        if (maybe.Length > 0)
            text += $" {List([.. maybe.Select(c => c.Name)])} would be preferred if {(maybe.Length == 1 ? "it" : "they")} kept every "
                + "limit, which the intervals leave open: more text would tell.";
        if (!recommendation.Ties.IsEmpty)
            text += $" In what is preferred it can't be told from {List([.. recommendation.Ties.Select(t => t.Name)])}.";
        return text + misfit;
    }

    /// <summary>When the pick changes, in a sentence; null when nothing fits or nothing that fits loses less.</summary>
    public static string? FlipSentence(Recommendation recommendation)
    {
        ArgumentNullException.ThrowIfNull(recommendation);
        if (recommendation.Safer is not { Check: { Figure.Value: { } value } check, Next: { } next }) return null;
        string limit =
            $"{MetricText.Of(check.Bound.Metric)} {(check.Bound.IsMax ? "<" : ">")} "
                + $"{FigureText.Plain(value, check.Bound.Metric.Definition)}";
        return $"With a tighter limit, {limit}, the pick would be {next.Name} ({Preferred(recommendation.Profile, next, 0)}).";
    }

    /// <summary>What a profile prefers, in words, e.g. <c>the smallest, then the fastest</c>.</summary>
    public static string Preference(Profile profile)
    {
        ArgumentNullException.ThrowIfNull(profile);
        return string.Join(", then ", profile.Prefer.Select(Superlative));
    }

    /// <summary>A contender's figure of what its profile prefers.</summary>
    /// <param name="profile">The profile.</param>
    /// <param name="contender">The contender.</param>
    /// <param name="metric">Which of the profile's preferred metrics.</param>
    public static string Preferred(Profile profile, Contender contender, int metric)
    {
        ArgumentNullException.ThrowIfNull(profile);
        ArgumentNullException.ThrowIfNull(contender);
        return FigureText.Of(contender.Preferred[metric], profile.Prefer[metric].Definition);
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
                $"{E(Lead(front))}\n\n| Variant | Class | {string.Join(" | ", front.Axes.Select(a => E(MetricText.Of(a))))} | Place | "
                    + $"Beaten by |\n| --- | --- | {string.Join(" | ", front.Axes.Select(_ => "---:"))} | --- | --- |\n");
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
        string limits = string.Join(", ", profile.Limits.Select(Limit));
        text.Append(CultureInfo.InvariantCulture,
            $"\nLimits: "
                + $"{E(limits)}{(profile.Offline ? ", offline only" : "")}{(profile.Licences.IsEmpty ? "" : E($", licence one of "
                + $"{string.Join(", ", profile.Licences)}"))}.\n");
        text.Append(CultureInfo.InvariantCulture, $"Of those that keep them: {E(Preference(profile))}.\n");
        if (!recommendation.Ranked.IsEmpty)
        {
            MetricSelector[] prefer = [.. profile.Prefer.Where(m => profile.Limits.All(l => l.Metric != m))];
            string[] heads = [.. profile.Limits.Select(Limit), .. prefer.Select(MetricText.Of)];
            text.Append(CultureInfo.InvariantCulture,
                $"\n| Rank | Variant | Class | {string.Join(" | ", heads.Select(E))} | Note |\n| ---: | --- | --- | "
                    + $"{string.Join(" | ", heads.Select(_ => "---:"))} | --- |\n");
            int rank = 0;
            foreach (Contender c in recommendation.Ranked)
            {
                IEnumerable<string> figures = c.Checks.Select(k => k.FigureWithInterval())
                    .Concat(profile.Prefer.Select((m, i) => (Metric: m, At: i)).Where(m => prefer.Contains(m.Metric))
                        .Select(m => Preferred(profile, c, m.At)));
                text.Append(CultureInfo.InvariantCulture,
                    $"| {++rank} | {E(c.Name)} | {Format.Class(c.Candidate.Class)} | {string.Join(" | ", figures.Select(E))} | "
                        + $"{E(Note(recommendation, c))} |\n");
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

    /// <summary>What is to be said of one that fits: a limit kept by its estimate only, or another one that beats it.</summary>
    public static string Note(Recommendation recommendation, Contender contender)
    {
        ArgumentNullException.ThrowIfNull(recommendation);
        ArgumentNullException.ThrowIfNull(contender);
        string[] notes =
        [
            .. contender.Unsure.Select(c => $"{MetricText.Of(c.Bound.Metric)} kept by its estimate only"),
            .. recommendation.BeatenBy.TryGetValue(contender, out string? by) ? (string[])[$"beaten by {by}"] : [],
        ];
        return string.Join("; ", notes);
    }

    private static string E(string value) => MarkdownText.Escape(value);

    private static string Superlative(MetricSelector metric) => (metric.Definition.Unit, metric.Definition.Direction) switch
    {
        ("B", Direction.Lower) when metric.Metric == MetricTable.ArtifactSize.Name => "the smallest",
        (_, Direction.Higher) when metric.Metric == MetricTable.GenerationSpeed.Name => "the fastest",
        (_, Direction.Higher) => $"the one of most {MetricText.Of(metric)}",
        _ => $"the one of least {MetricText.Of(metric)}",
    };

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
        return $"{MetricText.Of(check.Bound.Metric)} {Sign(check.Bound)} "
            + $"{FigureText.Plain(value * (check.Bound.IsMax ? 1.005 : 0.995), check.Bound.Metric.Definition)}";
    }

    private static string Broken(BoundCheck check) => check.Standing == Standing.NoFigure
        ? $"{MetricText.Of(check.Bound.Metric)}: {check.Figure.Reason}"
        : $"{MetricText.Of(check.Bound.Metric)} is "
            + $"{FigureText.Plain(check.Figure.Value ?? double.NaN, check.Bound.Metric.Definition)}, limit {Sign(check.Bound)} "
            + $"{BoundCheck.LimitText(check.Bound)}{(check.Standing == Standing.BrokenNotShown ? " (by its estimate only)" : "")}";

    private static string Sign(Bound bound) => bound.IsMax ? "≤" : "≥";

    private static string Limit(Bound bound) => $"{MetricText.Of(bound.Metric)} {Sign(bound)} {BoundCheck.LimitText(bound)}";

    private static string List(string[] names) =>
        names.Length <= 8 ? string.Join(", ", names) : $"{string.Join(", ", names.Take(7))} and {Format.Count(names.Length - 7)} more";
}
