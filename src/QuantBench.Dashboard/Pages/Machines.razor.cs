using System.Collections.Immutable;
using Microsoft.AspNetCore.Components;
using QuantBench.Dashboard.Queries;
using QuantBench.Dashboard.Text;

namespace QuantBench.Dashboard.Pages;

/// <summary>Who works, who is silent?</summary>
public sealed partial class Machines
{
    private ImmutableArray<MachineItem> _machines = [];
    private string _lead = "";

    [Inject]
    private MachineQueries Queries { get; set; } = null!;

    /// <inheritdoc/>
    protected override async Task LoadAsync()
    {
        _machines = await Queries.ListAsync(Left);
        int working = _machines.Count(m => m.State == RunState.Running);
        int silent = _machines.Count(m => m.State == RunState.Silent);
        _lead = $"{Words.Count(_machines.Length, "machine has", "machines have")} recorded results; {working} measuring "
            + $"now{(silent > 0 ? $", {silent} with a run whose runner died" : "")}.";
    }
}
