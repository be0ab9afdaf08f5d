using System.Collections.Immutable;
using Microsoft.AspNetCore.Components;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Decide;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Limits;
using QuantBench.Analysis.Plots;
using QuantBench.Core.Metrics;
using QuantBench.Core.Profiles;
using QuantBench.Dashboard.Queries;
using QuantBench.Dashboard.Runs;
using QuantBench.Dashboard.Text;

namespace QuantBench.Dashboard.Pages;

/// <summary>What should I ship for this target, and why?</summary>
public sealed partial class Decide
{
    private const string DefaultProfile = "laptop";
    private const int MostCards = 4;

    private static readonly ImmutableArray<string> Axes = [.. DecisionMetrics.Headlines.Select(m => m.Name)];
    private static readonly ImmutableArray<(string Value, string Label)> AxisNames =
        [.. DecisionMetrics.Headlines.Select(m => (m.Name, MetricText.Title(m)))];

    private ImmutableArray<string> _profiles = [];
    private ImmutableArray<RunListItem> _runs = [];
    private ImmutableArray<Recommendation> _answers = [];
    private ImmutableArray<(ParetoFront Front, PlotFigure? Figure)> _fronts = [];
    private ImmutableArray<LimitField> _fields = [];
    private Profile? _profile;
    private string? _run;
    private string _x = MetricTable.PeakMemory.Name;
    private string _y = MetricTable.MeanDivergence.Name;

    /// <summary>The target.</summary>
    [SupplyParameterFromQuery(Name = "profile")]
    public string? ProfileName { get; set; }

    /// <summary>The run to decide by; the newest completed one when absent.</summary>
    [SupplyParameterFromQuery(Name = "run")]
    public string? RunId { get; set; }

    /// <summary>Metric across.</summary>
    [SupplyParameterFromQuery(Name = "x")]
    public string? X { get; set; }

    /// <summary>Metric up.</summary>
    [SupplyParameterFromQuery(Name = "y")]
    public string? Y { get; set; }

    [Inject]
    private DecisionQueries Queries { get; set; } = null!;

    [Inject]
    private RunQueries Runs { get; set; } = null!;

    /// <inheritdoc/>
    protected override async Task LoadAsync()
    {
        _profiles = Queries.ProfileNames;
        _runs = await Runs.LatestAsync(100, Left);
        _run = string.IsNullOrEmpty(RunId) ? _runs.Where(r => r.State == RunState.Completed).Select(r => r.Id).FirstOrDefault() : RunId;
        if (_run is null || _profiles.IsEmpty) return;
        _profile = Queries.Asked(ProfileName ?? (_profiles.Contains(DefaultProfile) ? DefaultProfile : _profiles[0]), Http?.Request.Query);
        CandidateSet? set = await Queries.CandidatesAsync(_run, Left);
        if (set is null) return;
        _answers = Queries.Recommend(set, _profile);
        _fields = [.. _profile.Limits.Select(l => LimitField.Of(l, set))];
        (MetricDefinition memory, MetricDefinition loss) = (MetricTable.PeakMemory, MetricTable.MeanDivergence);
        _x = Axes.Contains(X ?? "") ? X! : set.Has(memory) ? memory.Name : MetricTable.ArtifactSize.Name; // contained, so not null
        // as above
        _y = Axes.Contains(Y ?? "") && Y != _x ? Y! : set.Has(loss) && _x != loss.Name ? loss.Name : DecisionMetrics.PerplexityRise.Name;
        _fronts = await Queries.FrontsAsync(_run, _x, _y, _answers, Left);
    }

    private string Files(PlotFigure figure) =>
        Link.To($"/figures/decide/{figure.Id}",
            [("run", _run), ("x", _x), ("y", _y), ("profile", _profile?.Name), .. AskedProfile.LimitsOf(Http?.Request.Query)]);

    private static string InWords(string metric) => DecisionMetrics.Find(metric) is { } known ? MetricText.Of(known) : metric;

    private static IEnumerable<BoundCheck> Cards(Contender pick) => pick.Checks.OrderByDescending(c => c.Use ?? 0).Take(MostCards);
}
