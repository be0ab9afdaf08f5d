using System.Collections.Immutable;
using QuantBench.Analysis.Tables;
using QuantBench.Core.Cells;
using QuantBench.Core.Workloads;
using QuantBench.Results.Reading;

namespace QuantBench.Analysis.Plots;

/// <summary>All figures of a run: one set per model and backend, since unlike figures are never put in one ranking.</summary>
public static class RunPlots
{
    // Each is a figure of its own; a page of more is read by nobody. The files have them all.
    private const int MostOverTime = 12;

    /// <summary>Draws every figure the run has data for.</summary>
    /// <param name="table">The run.</param>
    /// <param name="bothWidths">Also for a phone.</param>
    /// <param name="loads">The requests that a cell of a server left beside its result; null = loads aren't drawn over time.</param>
    public static ImmutableArray<PlotFigure> Draw(RunTable table, bool bothWidths = false,
        Func<CellId, ImmutableArray<ServedLoad>>? loads = null)
    {
        ArgumentNullException.ThrowIfNull(table);
        var figures = ImmutableArray.CreateBuilder<PlotFigure>();
        var groups = table.Rows.GroupBy(r => (r.Model, r.Backend)).ToArray();
        for (int i = 0; i < groups.Length; i++)
        {
            RunRow[] rows = [.. groups[i]];
            string suffix = groups.Length == 1 ? "" : $"-{i + 1}";
            string of = groups.Length == 1 ? "" : $"{groups[i].Key.Model} on {groups[i].Key.Backend}";
            PlotFigure? Of(string name, Func<string, int, PlotFigure?> draw) =>
                bothWidths ? PlotFigure.Both(draw, $"plot-{name}{suffix}") : draw($"plot-{name}{suffix}", PlotFigure.Wide);
            PlotFigure?[] drawn =
            [
                Of("perplexity", (id, width) => PerplexityPlot.Draw(rows, id, width)),
                Of("pareto", (id, width) => ParetoPlot.Draw(rows, id, width)),
                Of("latency", (id, width) => LatencyPlot.Draw(rows, id, width)),
                Of("depth", (id, width) => CurvePlot.Speed(rows, "depth", "Speed over depth", "tokens in the cache", id, width)),
                Of("parallel", (id, width) => CurvePlot.Speed(rows, "parallel", "Speed of sequences at once", "sequences", id, width)),
                Of("confidence", (id, width) => CurvePlot.Confidence(rows, id, width)),
                Of("position", (id, width) => CurvePlot.Position(rows, id, width)),
                Of("memory", (id, width) => MemoryPlot.Draw(rows, id, width)),
                Of("load", (id, width) => LoadPlot.Draw(rows, id, width)),
                Of("goodput", (id, width) => GoodputPlot.Draw(rows, id, width)),
                .. ServedCells(rows, loads is null ? 0 : MostOverTime).Select((cell, n) =>
                {
                    ImmutableArray<ServedLoad> requests = loads!(cell.Cell.Id); // asked for none without it
                    return Of($"requests-{n + 1}", (id, width) => RequestsPlot.Draw(cell.Cell, requests, id, width));
                }),
            ];
            figures.AddRange(drawn.OfType<PlotFigure>()
                .Select(f => of.Length == 0 ? f : f with { Title = $"{f.Title}: {of}", Finding = $"{of}: {f.Finding}" }));
        }

        return figures.ToImmutable();
    }

    private static IEnumerable<CellResult> ServedCells(RunRow[] rows, int most) =>
        rows.SelectMany(r => r.Cells).Where(c => WorkloadTable.Of(c.Cell) == WorkloadTable.Serve).Take(most);
}
