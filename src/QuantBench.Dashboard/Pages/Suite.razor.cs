using System.Collections.Immutable;
using Microsoft.AspNetCore.Components;
using QuantBench.Analysis.Formatting;
using QuantBench.Core.Cells;
using QuantBench.Dashboard.Queries;
using QuantBench.Dashboard.Runs;
using QuantBench.Dashboard.Text;
using QuantBench.Results.Reading;

namespace QuantBench.Dashboard.Pages;

/// <summary>One suite: what it would run, its faults with their line, its text.</summary>
public sealed partial class Suite
{
    private SuiteItem? _item;
    private ImmutableArray<string> _columns = [];
    private ImmutableArray<PreviewRow> _rows = [];
    private ImmutableArray<string> _reasons = [];
    private ImmutableArray<(string Line, bool Bad)> _lines = [];
    private ImmutableArray<RunListItem> _runs = [];
    private string _lead = "";
    private string _note = "";

    /// <summary>File name without <c>.yaml</c>.</summary>
    [Parameter]
    public string Name { get; set; } = "";

    [Inject]
    private SuiteQueries Queries { get; set; } = null!;

    [Inject]
    private RunQueries Runs { get; set; } = null!;

    /// <inheritdoc/>
    protected override async Task LoadAsync()
    {
        _item = await Queries.FindAsync(Name, Left);
        if (_item is null)
        {
            NotThere();
            return;
        }

        int badLine = _item.Fault is { } fault && Path.GetFullPath(fault.File) == _item.Path ? fault.Line : 0;
        _lines = [
            .. SuiteQueries.Text(_item).ReplaceLineEndings("\n").TrimEnd('\n').Split('\n')
                .Select((line, i) => (line.Length == 0 ? " " : line, i + 1 == badLine))];
        _runs = (await Runs.ListAsync(new RunFilter { Suite = _item.Suite?.Name ?? Name }, Left)).Runs;
        if (_item.Suite is null)
        {
            _lead = "It breaks the schema and can't run.";
            return;
        }

        SuiteForecast forecast = await Queries.ForecastAsync(_item, Left);
        _columns = [.. _item.Cells.Select(c => $"{c.Backend} {c.Workload}").Distinct()];
        _rows =
        [
            .. _item.Cells.GroupBy(c => (c.Model, c.Variant)).Select(g => new PreviewRow(
                g.Key.Model, g.Key.Variant.Id,
                [.. _columns.Select(column => Preview(g.Where(c => $"{c.Backend} {c.Workload}" == column), forecast))])),
        ];
        _reasons = [.. forecast.Unsupported.Values.Distinct().Take(5)];
        string estimate = forecast.Seconds is { } seconds
            ? $"about {Format.Duration(TimeSpan.FromSeconds(seconds * _item.Cells.Length / Math.Max(1, forecast.Known)))}, from "
                + $"{Words.Count(forecast.Known, "cell", "cells")} measured before"
            : "how long isn't known: none of its cells was measured here before";
        _lead = $"Valid: {Words.Count(_item.Cells.Length, "cell", "cells")}, {estimate}.";
        _note = $"{_item.Suite.Models.Length} models × {_item.Suite.Variants.Length} variants × {_item.Suite.Backends.Length} backends × "
            + $"{_item.Suite.Workloads.Length} workloads, after the rules";
    }

    private static PreviewCell Preview(IEnumerable<Cell> cells, SuiteForecast forecast)
    {
        Cell[] all = [.. cells];
        return new PreviewCell(all.Length,
            all.Select(c => forecast.Unsupported.GetValueOrDefault(c.Id.Value)).FirstOrDefault(r => r is not null));
    }

    private sealed record PreviewRow(string Model, string Variant, ImmutableArray<PreviewCell> Cells);

    private sealed record PreviewCell(int Count, string? Reason);
}
