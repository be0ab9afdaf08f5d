using System.Collections.Immutable;
using QuantBench.Analysis.Plots;
using QuantBench.Analysis.Trends;
using QuantBench.Results.Store;

namespace QuantBench.Dashboard.Queries;

/// <summary>Metrics over time.</summary>
/// <param name="store">The store.</param>
/// <param name="cache">What stays true until the store changes.</param>
public sealed class TrendQueries(ResultStore store, StoreCache cache)
{
    /// <summary>Metric that is shown when none is chosen.</summary>
    public const string DefaultMetric = "tg_tps";

    /// <summary>Days that are looked back when no number is chosen.</summary>
    public const int DefaultDays = 90;

    /// <summary>Figures on the page.</summary>
    public const int MostFigures = 4;

    /// <summary>Every series of a metric over the last days.</summary>
    /// <param name="metric">Metric name.</param>
    /// <param name="days">Days to look back.</param>
    /// <param name="now">The time.</param>
    public static SeriesQuery Recent(string metric, int days, DateTimeOffset now) =>
        // To the hour, so that the answer can be kept while nothing changes.
        new(metric, SinceMs: now.AddDays(-days).ToUnixTimeMilliseconds() / 3_600_000 * 3_600_000);

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
        return report.Series.IsEmpty ? null : TrendPlot.Draw(report.Series[0], $"trend-{cell}-{machine}");
    }

    /// <summary>Pictures of a query's first series with more than one run; drawn at most once per version of the store.</summary>
    /// <param name="query">The query.</param>
    /// <param name="most">Largest number.</param>
    public Task<ImmutableArray<(TrendSeries Series, PlotFigure? Figure)>> DrawAsync(SeriesQuery query, int most) => cache.GetAsync($"trend-figures {most} {query}", async () =>
        Draw((await ReportAsync(query)).Series.Where(s => s.Points.Length > 1).Take(most)));

    private static ImmutableArray<(TrendSeries Series, PlotFigure? Figure)> Draw(IEnumerable<TrendSeries> series) =>
        [.. series.AsParallel().AsOrdered().Select(s => (s, PlotFigure.Both((id, width) => TrendPlot.Draw(s, id, width), $"trend-{s.CellId}-{s.MachineId}")))];
}
