using System.Collections.Immutable;
using System.Globalization;
using Microsoft.AspNetCore.Components;
using QuantBench.Analysis.Plots;
using QuantBench.Analysis.Trends;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using QuantBench.Dashboard.Queries;
using QuantBench.Dashboard.Text;
using QuantBench.Lab.Reviews;

namespace QuantBench.Dashboard.Pages;

/// <summary>Did it get worse, when, because of what?</summary>
public sealed partial class Trends
{
    private const int MostListed = 200;
    private const int MostChanges = 50;
    private const int MostSparks = 75;
    private static readonly ImmutableArray<int> Windows = [7, 14, 30, TrendRequest.DefaultDays, 365, 3650];

    private RunFacets _facets = new([], [], [], []);
    private TrendReport? _report;
    private ImmutableArray<PlotFigure> _figures = [];
    private ImmutableArray<ChangeView> _changes = [];
    private ImmutableArray<TrendSeries> _listed = [];
    private TrendRequest _request = new(null, null, null, null, null, null, false);
    private double _range = 0.1;
    private string _metric = MetricTable.GenerationSpeed.Name;
    private int _days = TrendRequest.DefaultDays;
    private int _open;
    private int _found;
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
    public string? Days { get; set; }

    /// <summary><c>runs</c> = runs side by side instead of at their time.</summary>
    [SupplyParameterFromQuery(Name = "axis")]
    public string? Axis { get; set; }

    /// <summary><c>open</c> = only changes that nobody has acknowledged.</summary>
    [SupplyParameterFromQuery(Name = "review")]
    public string? Review { get; set; }

    [Inject]
    private TrendPanelQueries Queries { get; set; } = null!;

    [Inject]
    private ChangeReviews Reviews { get; set; } = null!;

    [Inject]
    private ReviewCounter Counter { get; set; } = null!;

    [Inject]
    private RunQueries Runs { get; set; } = null!;

    /// <inheritdoc/>
    protected override async Task LoadAsync()
    {
        _request = new TrendRequest(MetricName, MachineId, CellId, VariantId, SuiteName,
            int.TryParse(Days, NumberStyles.None, CultureInfo.InvariantCulture, out int days) ? days : null, Axis == "runs");
        (_metric, _days) = (_request.MetricName, _request.Window);
        _facets = await Runs.FacetsAsync(Left);
        _report = await Queries.ReportAsync(_request);
        _listed = [.. _report.Series.Take(MostListed)];
        ImmutableDictionary<ChangeKey, ChangeReview> reviews = Reviews.All();
        ChangeView[] all = [.. _report.Series.SelectMany(s => s.Changes.Select(c => ChangeView.Of(s, c, reviews)))];
        (_found, _open) = (all.Length, all.Count(c => c.IsOpen));
        _lead = TrendText.Lead(_report) + (_open > 0 ? $" {Words.Count(_open, "change waits", "changes wait")} to be acknowledged." : "");
        _changes = [
            .. all.Where(c => Review != "open" || c.IsOpen).OrderBy(c => c.IsOpen ? 0 : 1).ThenBy(c => c.Change.Worse == true ? 0 : 1)
                .ThenByDescending(c => c.At).Take(MostChanges)];
        _range = _changes.IsEmpty ? 0.1 : ChangeView.RangeOf(_changes);
        _figures = await Queries.DrawAsync(_request);
    }

    // A sparkline has 150 pixels: of many runs it shows medians of neighbours.
    private static double[] Values(TrendSeries series) =>
        [.. series.Points.Chunk((series.Points.Length + MostSparks - 1) / MostSparks)
            .Select(some => Descriptive.Median([.. some.Select(p => p.Value)]))];

    private string Files(PlotFigure figure) => Link.To(
        $"/figures/trends/{figure.Id}", ("metric", _metric), ("machine", MachineId), ("cell", CellId), ("variant", VariantId),
        ("suite", SuiteName), ("days", Days), ("axis", Axis));

    private static string DaysValue(int days) => days == TrendRequest.DefaultDays ? "" : days.ToString();

    private static string SeriesNote(int count) =>
        Words.Count(count, "series", "series") + (count > MostListed ? $", the first {MostListed} listed" : "");

    private string Here => new Uri(Navigation.Uri).PathAndQuery + "#changes";
}
