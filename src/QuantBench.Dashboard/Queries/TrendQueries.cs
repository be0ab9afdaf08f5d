using QuantBench.Analysis.Plots;
using QuantBench.Analysis.Trends;
using QuantBench.Dashboard.Drawing;
using QuantBench.Results.Store;

namespace QuantBench.Dashboard.Queries;

/// <summary>Metrics over time.</summary>
/// <param name="store">The store.</param>
/// <param name="cache">What stays true until the store changes.</param>
/// <param name="drawing">Draws.</param>
internal sealed class TrendQueries(ResultStore store, StoreCache cache, DrawingQueue drawing)
{
    /// <summary>The series of a query; judged at most once per version of the store.</summary>
    public Task<TrendReport> ReportAsync(SeriesQuery query) => cache.GetAsync($"trend {query}", () =>
    {
        using AggregateReader reader = store.OpenReader();
        return Task.FromResult(TrendAnalyzer.Analyze(reader, query));
    });

    /// <summary>The picture of one series.</summary>
    public async Task<PlotFigure?> FigureAsync(string metric, string cell, string machine)
    {
        TrendReport report = await ReportAsync(new SeriesQuery(metric, machine, cell));
        return report.Series.IsEmpty ? null
            : await drawing.DrawAsync(() => TrendPlot.Draw(report.Series[0], $"trend-{cell}-{machine}"));
    }
}
