using System.Collections.Immutable;
using Microsoft.AspNetCore.Components;
using QuantBench.Analysis.Plots;
using QuantBench.Analysis.Trends;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using QuantBench.Core.Variants;
using QuantBench.Dashboard.Queries;
using QuantBench.Results.Store;

namespace QuantBench.Dashboard.Pages;

/// <summary>Did it get worse, when, because of what?</summary>
public sealed partial class Trends
{
    private const int DefaultWindow = TrendQueries.DefaultDays;
    private const int MostListed = 200;
    private const int MostSparks = 75;
    private static readonly ImmutableArray<int> Windows = [7, 14, 30, DefaultWindow, 365, 3650];

    private RunFacets _facets = new([], [], [], []);
    private TrendReport? _report;
    private ImmutableArray<(TrendSeries Series, PlotFigure? Figure)> _figures = [];
    private ImmutableArray<(TrendSeries Series, TrendChange Change)> _changes = [];
    private ImmutableArray<TrendSeries> _listed = [];
    private string _metric = "tg_tps";
    private int _days = DefaultWindow;
    private string _lead = "";

    /// <summary>The metric.</summary>
    [SupplyParameterFromQuery(Name = "metric")]
    public string? MetricName { get; set; }

    /// <summary>Only this cell.</summary>
    [SupplyParameterFromQuery(Name = "cell")]
    public string? CellId { get; set; }

    /// <summary>Only this machine.</summary>
    [SupplyParameterFromQuery(Name = "machine")]
    public string? MachineId { get; set; }

    /// <summary>Only this variant.</summary>
    [SupplyParameterFromQuery(Name = "variant")]
    public string? VariantId { get; set; }

    /// <summary>Only this suite.</summary>
    [SupplyParameterFromQuery(Name = "suite")]
    public string? SuiteName { get; set; }

    /// <summary>Days to look back.</summary>
    [SupplyParameterFromQuery(Name = "days")]
    public int? Days { get; set; }

    [Inject]
    private TrendQueries Queries { get; set; } = null!;

    [Inject]
    private RunQueries Runs { get; set; } = null!;

    /// <inheritdoc/>
    protected override async Task LoadAsync()
    {
        _metric = MetricTable.Find(MetricName ?? "") is { } known ? known.Name : TrendQueries.DefaultMetric;
        _days = Math.Clamp(Days ?? TrendQueries.DefaultDays, 1, 36_500);
        _facets = await Runs.FacetsAsync(Left);
        string? variant = string.IsNullOrWhiteSpace(VariantId) ? null : Variant.TryParse(VariantId, out Variant? parsed) ? parsed?.Id : VariantId;
        SeriesQuery query = TrendQueries.Recent(_metric, _days, Clock.GetUtcNow()) with { Machine = None(MachineId), CellId = None(CellId), Variant = variant, Suite = None(SuiteName) };
        _report = await Queries.ReportAsync(query);
        _lead = TrendText.Lead(_report);
        _listed = [.. _report.Series.Take(MostListed)];
        _changes = [.. _report.Series.SelectMany(s => s.Changes.Select(c => (s, c))).OrderBy(c => c.c.Worse == true ? 0 : 1).ThenByDescending(c => c.s.Points[c.c.Index].Started).Take(50)];
        _figures = await Queries.DrawAsync(query, TrendQueries.MostFigures);
    }

    private static string? None(string? text) => string.IsNullOrEmpty(text) ? null : text;

    // A sparkline has 150 pixels: of many runs it shows medians of neighbours.
    private static double[] Values(TrendSeries series) =>
        [.. series.Points.Chunk((series.Points.Length + MostSparks - 1) / MostSparks).Select(some => Descriptive.Median([.. some.Select(p => p.Value)]))];

    private static string Mark(TrendChange change) => change.Worse switch { true => "worse", false => "better", _ => "none" };

    private string Files(TrendSeries series) => $"/figures/trends/{_metric}/{series.CellId}/{series.MachineId}";
}
