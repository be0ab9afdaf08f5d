using System.Collections.Immutable;
using QuantBench.Analysis.Plots;
using QuantBench.Analysis.Trends;
using QuantBench.Core.Metrics;
using QuantBench.Core.Variants;
using QuantBench.Dashboard.Drawing;
using QuantBench.Results.Store;

namespace QuantBench.Dashboard.Queries;

/// <summary>What an address of the Trends page asks for.</summary>
/// <param name="Metric">The metric.</param>
/// <param name="Machine">Only this machine.</param>
/// <param name="Cell">Only this cell.</param>
/// <param name="Variant">Only this variant.</param>
/// <param name="Suite">Only this suite.</param>
/// <param name="Days">Days to look back.</param>
/// <param name="ByRun">Whether runs stand side by side instead of at their time.</param>
internal sealed record TrendRequest(string? Metric, string? Machine, string? Cell, string? Variant, string? Suite, int? Days, bool ByRun)
{
    /// <summary>Days to look back when none are given.</summary>
    public const int DefaultDays = 90;

    /// <summary>Name of the metric; generation speed when none that exists is given.</summary>
    public string MetricName => MetricTable.Find(Metric ?? "")?.Name ?? MetricTable.GenerationSpeed.Name;

    /// <summary>Days to look back.</summary>
    public int Window => Math.Clamp(Days ?? DefaultDays, 1, 36_500);

    /// <summary>The question to the store.</summary>
    /// <param name="now">Now; the window begins at a full hour, so that the answer can be kept while nothing changes.</param>
    public SeriesQuery Query(DateTimeOffset now)
    {
        string? variant = string.IsNullOrWhiteSpace(Variant) ? null
            : Core.Variants.Variant.TryParse(Variant, out Variant? parsed) ? parsed?.Id : Variant;
        return new SeriesQuery(MetricName, None(Machine), None(Cell), Variant: variant, Suite: None(Suite),
            SinceMs: now.AddDays(-Window).ToUnixTimeMilliseconds() / 3_600_000 * 3_600_000);
    }

    private static string? None(string? text) => string.IsNullOrEmpty(text) ? null : text;
}

/// <summary>Pictures of trends: one per cell, its machines under each other, all on one axis of time.</summary>
/// <param name="trends">The series.</param>
/// <param name="cache">What stays true until the store changes.</param>
/// <param name="drawing">Draws.</param>
/// <param name="clock">The one clock.</param>
internal sealed class TrendPanelQueries(TrendQueries trends, StoreCache cache, DrawingQueue drawing, TimeProvider clock)
{
    private const int MostFigures = 4;
    private const int MostMachines = 8;

    /// <summary>The series that a request is about.</summary>
    public Task<TrendReport> ReportAsync(TrendRequest request) =>
        trends.ReportAsync(request.Query(clock.GetUtcNow()));

    /// <summary>Pictures of the first cells with more than one run; drawn at most once per version of the store.</summary>
    public Task<ImmutableArray<PlotFigure>> DrawAsync(TrendRequest request)
    {
        return cache.GetAsync($"trend-panels {request.ByRun} {request.Query(clock.GetUtcNow())}", async () =>
        {
            // A new protocol begins a new series of the same cell and machine: the longest of each is what is looked at.
            IGrouping<string, TrendSeries>[] cells = [
                .. (await ReportAsync(request)).Series.Where(s => s.Points.Length > 1).GroupBy(s => s.CellId).Take(MostFigures)];
            TrendAxis? axis = request.ByRun ? null
                : TrendAxis.Around(cells.SelectMany(c => c).SelectMany(s => s.Points).Select(p => p.Started));
            return await drawing.DrawAsync(() => cells
                .Select(cell =>
                    PlotFigure.Both((id, width) => TrendPlot.Draw([.. cell.Take(MostMachines)], axis, id, width), $"trend-{cell.Key}"))
                .OfType<PlotFigure>().ToImmutableArray());
        });
    }
}
