using System.Collections.Immutable;
using Microsoft.AspNetCore.Components;
using QuantBench.Analysis.Formatting;
using QuantBench.Dashboard.Queries;
using QuantBench.Dashboard.Text;

namespace QuantBench.Dashboard.Pages;

/// <summary>One machine: fingerprint, noise, runs.</summary>
public sealed partial class Machine
{
    private MachineItem? _machine;
    private MachineNoise? _noise;
    private ImmutableArray<RunListItem> _runs = [];
    private string _lead = "";

    /// <summary>The machine's id.</summary>
    [Parameter]
    public string Id { get; set; } = "";

    [Inject]
    private MachineQueries Queries { get; set; } = null!;

    /// <inheritdoc/>
    protected override async Task LoadAsync()
    {
        _machine = (await Queries.ListAsync(Left)).FirstOrDefault(m => m.Id == Id);
        if (_machine is null)
        {
            NotThere();
            return;
        }

        _noise = await Queries.NoiseAsync(Id, Left);
        _runs = await Queries.RunsAsync(Id, Left);
        _lead = $"{Words.State(_machine.State)}: {_machine.LastRun}. " + (_noise is null
            ? "No timing cell was measured here twice, so its noise isn't known."
            : $"One cell measured {_noise.Points.Length} times spreads by {Format.Share(_noise.Spread)}: differences between runs smaller "
                + "than that are this machine's noise.");
    }
}
