using System.Collections.Immutable;
using Microsoft.AspNetCore.Components;
using QuantBench.Analysis.Compare;
using QuantBench.Analysis.Plots;
using QuantBench.Dashboard.Figures;
using QuantBench.Dashboard.Queries;
using QuantBench.Dashboard.Runs;
using QuantBench.Dashboard.Text;

namespace QuantBench.Dashboard.Pages;

/// <summary>Is there something to ship, did anything change, is the lab well?</summary>
public sealed partial class Overview
{
    private const int MostChanges = 12;
    private const int MostMachines = 4;

    private OverviewView? _view;
    private RunFacets _facets = new([], [], [], []);
    private PlotFigure? _figure;
    private ImmutableArray<ProfileAnswer> _profiles = [];
    private ImmutableArray<MetricComparison> _shown = [];
    private ImmutableArray<MachineItem> _machines = [];
    private double _range = 0.1;
    private string _lead = "Nothing has been measured on this machine yet.";
    private string _changeNote = "";
    private string _noChange = "";

    /// <summary>Model to look at.</summary>
    [SupplyParameterFromQuery(Name = "model")]
    public string? Model { get; set; }

    [Inject]
    private OverviewQueries Queries { get; set; } = null!;

    [Inject]
    private RunQueries Runs { get; set; } = null!;

    [Inject]
    private DecisionQueries Decisions { get; set; } = null!;

    [Inject]
    private FigureSource Figures { get; set; } = null!;

    /// <inheritdoc/>
    protected override async Task LoadAsync()
    {
        _facets = await Runs.FacetsAsync(Left);
        _view = await Queries.LoadAsync(string.IsNullOrEmpty(Model) ? null : Model, Left);
        if (_view.Runs.IsEmpty) return;
        _machines = [.. _view.Machines.Take(MostMachines)];
        if (_view.Newest is { } newest)
        {
            ImmutableArray<PlotFigure> figures = await Figures.OfRunAsync(newest, Left);
            _profiles =
            [
                .. (await Decisions.ProfilesAsync(newest, Left))
                    .Select(p => p with { Answers = [.. p.Answers.Where(a => a.Model == _view.Model)] }),
            ];
            // A run of several models has a figure of each, named in its title.
            PlotFigure[] own = [.. figures.Where(f => f.Title.Contains($": {_view.Model} on ", StringComparison.Ordinal))];
            if (own.Length == 0) own = [.. figures];
            _figure = own.FirstOrDefault(f => f.Id.StartsWith("plot-pareto", StringComparison.Ordinal)) ?? own.FirstOrDefault();
        }

        Say(_view);
    }

    private void Say(OverviewView view)
    {
        int running = view.Runs.Count(r => r.State == RunState.Running);
        int worse = view.Changes?.Shown.Count(r => r.Verdict == Verdict.Worse) ?? 0;
        int better = view.Changes?.Shown.Count(r => r.Verdict == Verdict.Better) ?? 0;
        string now = running > 0 ? $"{Words.Count(running, "run is", "runs are")} being measured. " : "";
        string change = view.Changes is null
            ? $"There is no earlier run of {view.Model ?? "a model"} by the same suite on the same machine to compare with."
            : worse == 0 && better == 0
                ? $"No difference is shown between the newest run and the one before it, in {view.Changes.Compared} figures."
            : $"Since the run before, {Words.Count(worse, "figure is", "figures are")} worse and {better} better.";
        int silent = view.Machines.Count(m => m.State == RunState.Silent);
        int served = _profiles.Count(p => p.Answers.Any(a => a.Pick is not null));
        string ship = _profiles.Length > 0 ? $"A variant fits {served} of {_profiles.Length} profiles. " : "";
        _lead = ship + now + change
            + (silent > 0 ? $" {Words.Count(silent, "machine has", "machines have")} a run whose runner died." : "");
        if (view.Changes is not { } changes)
        {
            _noChange = "Run a suite twice on this machine, and what changed is listed here.";
            return;
        }

        _shown = [.. changes.Shown.Take(MostChanges)];
        _range = ComparisonRange.Of(_shown);
        _changeNote =
            (view.Model is { } model ? $"{model}: " : "")
            + $"{changes.Shown.Length} differences shown out of {changes.Compared} compared; {changes.After} against {changes.Before}"
            + (changes.Shown.Length > MostChanges ? $"; the {MostChanges} worst are listed" : "");
        _noChange = changes.Blocked.IsEmpty ? $"Nothing is shown to differ, in {changes.Compared} figures."
            : $"Timings of the two runs can't be compared: {string.Join("; ", changes.Blocked)}.";
    }
}
