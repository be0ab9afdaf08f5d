using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Limits;

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
        string text = $"{front.Model}, {axes}: {Format.Count(on.Length)} of {Format.Count(front.Points.Length)} variants {(on.Length == 1 ? "isn't" : "aren't")} beaten by another on every axis ({List(on)})";
        if (maybe.Length > 0) text += $"; {List(maybe)} {(maybe.Length == 1 ? "is" : "are")} beaten by estimates only, within the intervals {(maybe.Length == 1 ? "it" : "they")} may belong to the front";
        return $"{text}; {Format.Count(beaten)} {(beaten == 1 ? "is" : "are")} shown to be beaten.";
    }

    /// <summary>A recommendation in one or two sentences: the pick and what binds it, or that nothing fits and what comes nearest.</summary>
    public static string Lead(Recommendation recommendation)
    {
        ArgumentNullException.ThrowIfNull(recommendation);
        string head = $"{recommendation.Model} for {recommendation.Profile.Name}";
        if (recommendation.Pick is not { } pick) return NothingFits(head, recommendation);
        string text = $"{head}: ship {pick.Name}. {Format.Count(recommendation.Ranked.Length)} of {Format.Count(recommendation.Ranked.Length + recommendation.Losers.Length)} variants keep every limit";
        if (pick.Tightest is { } tight) text += $"; the limit that binds is {BoundCheck.Text(tight.Bound)}, of which {pick.Name} uses {Share(tight.Use)}";
        text += ".";
        if (!pick.Unsure.IsEmpty) text += $" It keeps {string.Join(" and ", pick.Unsure.Select(c => BoundCheck.Text(c.Bound)))} by its estimate only: the interval reaches past the limit.";
        if (!recommendation.Ties.IsEmpty) text += $" Its score can't be told from that of {List([.. recommendation.Ties.Select(t => t.Name)])}.";
        return text;
    }

    /// <summary>When the pick changes, in a sentence; null when nothing fits.</summary>
    public static string? FlipSentence(Recommendation recommendation)
    {
        ArgumentNullException.ThrowIfNull(recommendation);
        if (recommendation.Flip is not { Check: { Figure.Value: { } value } check } flip) return null;
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
    public static string Share(double? use) => use is not { } u ? Format.Missing : u >= 10 ? $"×{Format.Number(u)}" : $"{Format.Number(u * 100, u >= 0.1 ? 3 : 2)}\u00a0%";

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
        return $"{check.Bound.Metric} {(check.Bound.IsMax ? "≤" : "≥")} {FigureText.Plain(value * (check.Bound.IsMax ? 1.005 : 0.995), check.Bound.Metric.Definition)}";
    }

    private static string Broken(BoundCheck check) => check.Standing == Standing.NoFigure
        ? $"{check.Bound.Metric}: {check.Figure.Reason}"
        : $"{check.Bound.Metric} is {FigureText.Plain(check.Figure.Value ?? double.NaN, check.Bound.Metric.Definition)}, limit {(check.Bound.IsMax ? "≤" : "≥")} {BoundCheck.LimitText(check.Bound)}{(check.Standing == Standing.BrokenNotShown ? " (by its estimate only)" : "")}";

    private static string List(string[] names) => names.Length <= 8 ? string.Join(", ", names) : $"{string.Join(", ", names.Take(7))} and {Format.Count(names.Length - 7)} more";
}
