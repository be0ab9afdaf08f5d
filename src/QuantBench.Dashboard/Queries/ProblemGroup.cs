using System.Collections.Immutable;
using QuantBench.Core.Cells;

namespace QuantBench.Dashboard.Queries;

/// <summary>Cells of a run without a figure that share status and reason.</summary>
/// <param name="Status">How they ended.</param>
/// <param name="Reason">Why.</param>
/// <param name="Variants">Their variants.</param>
/// <param name="Backends">Their backends.</param>
/// <param name="Count">How many.</param>
/// <param name="FirstCell">Id of the first, whose drawer has the log.</param>
public sealed record ProblemGroup(CellStatus Status, string Reason, string Variants, string Backends, int Count, string FirstCell)
{
    /// <summary>The groups of a run, failures first.</summary>
    public static ImmutableArray<ProblemGroup> Of(RunDetail run)
    {
        ArgumentNullException.ThrowIfNull(run);
        return
        [
            .. run.Cells.Where(c => c.Result.Status != CellStatus.Ok)
                .GroupBy(c => (c.Result.Status, Reason: c.Result.Reason ?? "no reason was recorded"))
                .OrderBy(g => g.Key.Status).ThenByDescending(g => g.Count())
                .Select(g => new ProblemGroup(
                    g.Key.Status, g.Key.Reason, Some(g.Select(c => c.Result.Cell.Variant.Id)),
                    Some(g.Select(c => c.Result.Cell.Backend.ToString())), g.Count(), g.First().Result.Cell.Id.Value)),
        ];
    }

    private static string Some(IEnumerable<string> names)
    {
        string[] distinct = [.. names.Distinct()];
        return distinct.Length <= 3 ? string.Join(", ", distinct) : $"{distinct[0]}, {distinct[1]} and {distinct.Length - 2} more";
    }
}
