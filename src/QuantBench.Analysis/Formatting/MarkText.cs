using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Workloads;

namespace QuantBench.Analysis.Formatting;

/// <summary>Marks on figures, the same wherever they are shown, with their legend.</summary>
public static class MarkText
{
    private const string Disturbed = "‡";
    private const string About = "≈";

    /// <summary>A figure's text with its mark.</summary>
    /// <param name="text">The figure.</param>
    /// <param name="mark">Its mark; null for one like any other.</param>
    public static string With(string text, FigureMark? mark) => mark switch
    {
        FigureMark.Disturbed => $"{text}\u00a0{Disturbed}",
        FigureMark.About => $"{About}\u00a0{text}",
        _ => text,
    };

    /// <summary>What a mark means, in a sentence.</summary>
    public static string Meaning(FigureMark mark) => mark switch
    {
        FigureMark.Disturbed => "disturbed: other work on the machine is in the figure, so no verdict, front or recommendation rests on it",
        _ => "about: fewer than three observations, so the figure has no interval",
    };

    /// <summary>One line per mark that figures have.</summary>
    public static ImmutableArray<string> Legend(IEnumerable<Measurement> figures)
    {
        ArgumentNullException.ThrowIfNull(figures);
        FigureMark[] marks = [.. figures.Select(m => m.Mark).OfType<FigureMark>().Distinct().OrderDescending()];
        return [.. marks.Select(m => $"{(m == FigureMark.Disturbed ? Disturbed : About)} {Meaning(m)}.")];
    }

    /// <summary>How much of a run was disturbed; null when nothing was.</summary>
    public static string? Share(IEnumerable<CellResult> cells)
    {
        ArgumentNullException.ThrowIfNull(cells);
        CellResult[] timed = [.. cells.Where(c => c.Status == CellStatus.Ok && WorkloadTable.Of(c.Cell).IsTimed)];
        double made = timed.Sum(c => c.Conditions.GetValueOrDefault("repetitions_made"));
        double lost = timed.Sum(c => c.Conditions.GetValueOrDefault("repetitions_disturbed"));
        int disturbed = timed.Count(c => c.IsDisturbed);
        if (disturbed == 0 && lost == 0) return null;
        return $"{disturbed} of {timed.Length} timed cells {(disturbed == 1 ? "was" : "were")} disturbed by other work on the machine"
            + (made > 0 ? $", and {Format.Number(lost / made * 100, 2)} % of all repetitions" : "");
    }
}
