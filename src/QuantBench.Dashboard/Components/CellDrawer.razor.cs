using System.Collections.Immutable;
using Microsoft.AspNetCore.Components;
using QuantBench.Core.Cells;
using QuantBench.Dashboard.Queries;
using QuantBench.Dashboard.Text;

namespace QuantBench.Dashboard.Components;

/// <summary>Everything about one cell, beside the matrix.</summary>
public sealed partial class CellDrawer
{
    private ImmutableArray<string> _notes = [];
    private ImmutableArray<(string Key, string Value)> _settings = [];
    private (string Why, string Command)? _next;

    /// <summary>The cell.</summary>
    [Parameter]
    [EditorRequired]
    public CellDrawerView View { get; set; } = null!;

    /// <summary>The run's id.</summary>
    [Parameter]
    [EditorRequired]
    public string RunId { get; set; } = "";

    /// <summary>The chosen metric.</summary>
    [Parameter]
    [EditorRequired]
    public string MetricName { get; set; } = "";

    [Inject]
    private NavigationManager Navigation { get; set; } = null!;

    private string Close => Link.With(Navigation.Uri, ("cell", null));

    private string Compare => Link.To("/compare", ("a", $"{RunId}:{View.Result.Cell.Variant.Id}@{View.Result.Cell.Backend}"));

    private string Trend => Link.To("/trends", ("metric", MetricName), ("cell", View.Result.Cell.Id.Value));

    /// <inheritdoc/>
    protected override void OnParametersSet()
    {
        _notes = [.. View.Metric?.Notes ?? [], .. View.Result.Marks];
        _settings = [.. Words.Settings(View.Result.Cell.Settings)];
        _next = View.Result.Status switch
        {
            CellStatus.Failed =>
                ("When the cause is mended, measure the run's failed cells again:", $"./run-bench.sh resume {RunId} --retry-failed"),
            CellStatus.Unsupported => ("What engines and devices this machine has, and why others are out:", "./run-bench.sh doctor"),
            CellStatus.Cancelled => ("Go on with the run:", $"./run-bench.sh resume {RunId}"),
            _ => null,
        };
    }
}
