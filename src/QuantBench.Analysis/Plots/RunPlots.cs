using System.Collections.Immutable;
using QuantBench.Analysis.Tables;

namespace QuantBench.Analysis.Plots;

/// <summary>All figures of a run: one set per model and backend, since unlike figures are never put in one ranking.</summary>
public static class RunPlots
{
    /// <summary>Draws every figure the run has data for.</summary>
    /// <param name="table">The run.</param>
    /// <param name="bothWidths">Also for a phone.</param>
    public static ImmutableArray<PlotFigure> Draw(RunTable table, bool bothWidths = false)
    {
        ArgumentNullException.ThrowIfNull(table);
        var figures = ImmutableArray.CreateBuilder<PlotFigure>();
        var groups = table.Rows.GroupBy(r => (r.Model, r.Backend)).ToArray();
        for (int i = 0; i < groups.Length; i++)
        {
            RunRow[] rows = [.. groups[i]];
            string suffix = groups.Length == 1 ? "" : $"-{i + 1}";
            string of = groups.Length == 1 ? "" : $": {groups[i].Key.Model} on {groups[i].Key.Backend}";
            PlotFigure? Of(string name, Func<string, int, PlotFigure?> draw) =>
                bothWidths ? PlotFigure.Both(draw, $"plot-{name}{suffix}") : draw($"plot-{name}{suffix}", PlotFigure.Wide);
            PlotFigure?[] drawn =
            [
                Of("perplexity", (id, width) => PerplexityPlot.Draw(rows, id, width)),
                Of("pareto", (id, width) => ParetoPlot.Draw(rows, id, width)),
                Of("latency", (id, width) => LatencyPlot.Draw(rows, id, width)),
                Of("memory", (id, width) => MemoryPlot.Draw(rows, id, width)),
            ];
            figures.AddRange(drawn.OfType<PlotFigure>().Select(f => f with { Title = f.Title + of }));
        }

        return figures.ToImmutable();
    }
}
