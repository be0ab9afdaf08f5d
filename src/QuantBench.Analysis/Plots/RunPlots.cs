using System.Collections.Immutable;
using QuantBench.Analysis.Tables;

namespace QuantBench.Analysis.Plots;

/// <summary>All figures of a run: one set per model and backend, since unlike figures are never put in one ranking.</summary>
public static class RunPlots
{
    /// <summary>Draws every figure the run has data for.</summary>
    public static ImmutableArray<PlotFigure> Draw(RunTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        var figures = ImmutableArray.CreateBuilder<PlotFigure>();
        var groups = table.Rows.GroupBy(r => (r.Model, r.Backend)).ToArray();
        for (int i = 0; i < groups.Length; i++)
        {
            RunRow[] rows = [.. groups[i]];
            string suffix = groups.Length == 1 ? "" : $"-{i + 1}";
            string of = groups.Length == 1 ? "" : $": {groups[i].Key.Model} on {groups[i].Key.Backend}";
            PlotFigure?[] drawn =
            [
                PerplexityPlot.Draw(rows, $"plot-perplexity{suffix}"), ParetoPlot.Draw(rows, $"plot-pareto{suffix}"),
                LatencyPlot.Draw(rows, $"plot-latency{suffix}"), MemoryPlot.Draw(rows, $"plot-memory{suffix}"),
            ];
            figures.AddRange(drawn.OfType<PlotFigure>().Select(f => f with { Title = f.Title + of }));
        }

        return figures.ToImmutable();
    }
}
