using System.Collections.Immutable;
using Microsoft.AspNetCore.Components;
using QuantBench.Core.Suites;
using QuantBench.Dashboard.Hosting;
using QuantBench.Lab;
using QuantBench.Lab.Queue;
using QuantBench.Lab.Schedules;

namespace QuantBench.Dashboard.Components;

/// <summary>Schedules with their last and next run, and what waits in the queue.</summary>
public sealed partial class SchedulePanel
{
    private ImmutableArray<(Schedule Schedule, Occurrence? Last)> _rows = [];
    private ImmutableArray<Occurrence> _open = [];
    private ImmutableArray<string> _suites = [];
    private string _note = "";

    [Inject]
    private ScheduleStore Schedules { get; set; } = null!;

    [Inject]
    private OccurrenceStore Queue { get; set; } = null!;

    [Inject]
    private LabOptions Lab { get; set; } = null!;

    [Inject]
    private DashboardOptions Options { get; set; } = null!;

    [Inject]
    private SchedulerState Scheduler { get; set; } = null!;

    /// <inheritdoc/>
    protected override void OnInitialized()
    {
        _rows = [.. Schedules.List().Select(s => (s, Queue.Latest(s.Name, 1).FirstOrDefault()))];
        _open = Queue.Open();
        _suites = [.. Lab.SuiteFiles().Select(f => Path.GetFileNameWithoutExtension(f))];
        _note = Options.Launcher is null ? "pages only: './run-bench.sh serve' is what starts scheduled runs"
            : Scheduler.IsOn ? "one run at a time" : Scheduler.Text;
    }

    private static string Policy(Schedule schedule) =>
        schedule.CatchUp switch { CatchUp.Skip => "left out", CatchUp.All => "all run", _ => "the last one runs" };
}
