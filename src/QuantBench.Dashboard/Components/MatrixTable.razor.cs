using Microsoft.AspNetCore.Components;
using QuantBench.Dashboard.Matrix;
using QuantBench.Dashboard.Text;

namespace QuantBench.Dashboard.Components;

/// <summary>The matrix as a real table: heat by classes, every cell a link to its drawer, one tab stop.</summary>
public sealed partial class MatrixTable
{
    private string? _tabStop;

    /// <summary>What to show.</summary>
    [Parameter]
    [EditorRequired]
    public MatrixView View { get; set; } = null!;

    /// <summary>Id of the cell whose drawer is open; null = none.</summary>
    [Parameter]
    public string? Selected { get; set; }

    [Inject]
    private NavigationManager Navigation { get; set; } = null!;

    private IEnumerable<MatrixCell> Cells => View.Groups.SelectMany(g => g.Rows).SelectMany(r => r.Cells);

    private int Columns => View.Engines.Sum(e => e.Devices.Length);

    private string Label =>
        $"{View.Metric.Title} of {View.Slice.Title}{(View.Baseline is null ? "" : $", differences to {View.Baseline}")}";

    /// <inheritdoc/>
    protected override void OnParametersSet()
    {
        string[] ids = [.. View.Groups.SelectMany(g => g.Rows).SelectMany(r => r.Cells).Select(c => c.CellId).OfType<string>()];
        _tabStop = Selected is not null && ids.Contains(Selected) ? Selected : ids.FirstOrDefault();
    }

    private string Address(MatrixCell cell) => Link.With(Navigation.Uri, ("cell", cell.CellId));

    private int TabIndex(MatrixCell cell) => cell.CellId == _tabStop ? 0 : -1;

    private string Class(MatrixCell cell)
    {
        string kind = cell.Kind switch
        {
            MatrixCellKind.Value when cell.Step == MatrixCell.NoTone => "cell nt",
            MatrixCellKind.Value => $"cell {(View.Baseline is null ? 'h' : 'd')}{cell.Step}",
            MatrixCellKind.Failed => "cell f",
            MatrixCellKind.Unsupported => "cell u",
            MatrixCellKind.Running => "cell r",
            MatrixCellKind.Absent => "cell none",
            _ => "cell q",
        };
        return kind + (cell.Reference ? " ref" : "") + (cell.Capped ? " cap" : "");
    }
}
