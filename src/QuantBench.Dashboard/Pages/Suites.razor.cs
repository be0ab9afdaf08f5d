using System.Collections.Immutable;
using Microsoft.AspNetCore.Components;
using QuantBench.Dashboard.Queries;
using QuantBench.Dashboard.Text;

namespace QuantBench.Dashboard.Pages;

/// <summary>What would run, how long, is it valid?</summary>
public sealed partial class Suites
{
    private ImmutableArray<SuiteItem> _suites = [];
    private ImmutableArray<(string Suite, int Runs, string LastRun)> _others = [];
    private string _lead = "";

    [Inject]
    private SuiteQueries Queries { get; set; } = null!;

    /// <inheritdoc/>
    protected override async Task LoadAsync()
    {
        _suites = await Queries.ListAsync(Left);
        _others = await Queries.OthersAsync(_suites, Left);
        int broken = _suites.Count(s => s.Fault is not null);
        _lead = $"{Words.Count(_suites.Length, "suite", "suites")}, {(broken == 0 ? "all valid" : $"{broken} of them invalid")}"
            + (_others.IsEmpty ? "." : $"; {Words.Count(_others.Length, "more has", "more have")} run.");
    }

    private static string Planned(SuiteItem suite) =>
        suite.Schedules.IsEmpty ? "—" : string.Join("; ", suite.Schedules.Select(s => $"{s.Cron}{(s.Paused ? ", paused" : "")}"));
}
