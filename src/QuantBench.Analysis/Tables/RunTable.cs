using System.Collections.Immutable;
using QuantBench.Analysis.Estimates;
using QuantBench.Analysis.Formatting;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using QuantBench.Core.Variants;

namespace QuantBench.Analysis.Tables;

/// <summary>A column of a <see cref="RunTable"/>.</summary>
/// <param name="Id">Stable id: a metric's name, with settings after <c>/</c> when the run has several; <c>size_change</c>,
/// <c>ppl_change</c>, <c>token_latency_p99</c>.</param>
/// <param name="Title">Head, without the unit.</param>
/// <param name="Unit">Unit for the head; empty when figures carry theirs.</param>
/// <param name="Description">What the figure is, in a sentence.</param>
public sealed record RunColumn(string Id, string Title, string Unit, string Description);

/// <summary>One figure of the table.</summary>
/// <param name="Text">As printed, without the column's unit; <c>–</c> when there is none.</param>
/// <param name="Reason">Why there is none; null when there is one.</param>
/// <param name="Value">The number; null when there is none.</param>
/// <param name="Error">Its standard error, if known.</param>
/// <param name="Source">The measurement behind it, if it is one.</param>
public sealed record RunFigure(string Text, string? Reason, double? Value = null, double? Error = null, Measurement? Source = null)
{
    /// <summary>Its 95 % interval; null when none is known or it is exact.</summary>
    public Interval? Interval =>
        (Value is { } value && Error is { } error ? Estimate.WithError(value, error) : Value is not null && Source is not null
            ? Estimate.Of(Source) : default(Estimate?)) is { Certainty: Certainty.Interval } estimate && estimate.Value == Value
        ? new Interval(estimate.Low, estimate.High) : null;

    /// <summary>Its interval as printed beside a timing, in the unit of the column; empty where the text has an error or nothing is
    /// known.</summary>
    public string Ends { get; init; } = "";
}

/// <summary>One variant of a model on a backend.</summary>
/// <param name="Model">Model id.</param>
/// <param name="Variant">The variant.</param>
/// <param name="Backend">The backend.</param>
/// <param name="IsReference">Whether the model's other variants are compared with this one.</param>
/// <param name="Figures">One per column id.</param>
/// <param name="Cells">The cells the figures come from.</param>
public sealed record RunRow(
    string Model, Variant Variant, BackendId Backend, bool IsReference, ImmutableDictionary<string, RunFigure> Figures,
    ImmutableArray<CellResult> Cells)
{
    /// <summary>Its precision class.</summary>
    public PrecisionClass Class { get; } = CellResult.ClassOf(Variant, Cells);

    /// <summary>The number of a column, or null.</summary>
    public double? this[string column] => Figures.GetValueOrDefault(column)?.Value;

    /// <summary>The first column of a metric that has a number here, whatever its settings; null when there is none.</summary>
    public RunFigure? First(string metric) =>
        Figures.Where(f => f.Value.Value is not null && (f.Key == metric || f.Key.StartsWith(metric + "/", StringComparison.Ordinal)))
        .OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => f.Value).FirstOrDefault();
}

/// <summary>Cells without a figure that share one reason.</summary>
/// <param name="Status">failed, unsupported or cancelled.</param>
/// <param name="Reason">The reason.</param>
/// <param name="Cells">Titles of the cells.</param>
public sealed record CellProblem(CellStatus Status, string Reason, ImmutableArray<string> Cells);

/// <summary>A run as people read it: one row per variant, one column per figure. Made by <see cref="RunTableBuilder"/>.</summary>
/// <param name="Columns">Columns that have at least one figure.</param>
/// <param name="Rows">By model, backend, then bits per weight descending.</param>
/// <param name="Problems">Cells without a figure, grouped by reason.</param>
/// <param name="Counts">Number of cells by how they ended; statuses that didn't happen are 0.</param>
public sealed record RunTable(
    ImmutableArray<RunColumn> Columns, ImmutableArray<RunRow> Rows, ImmutableArray<CellProblem> Problems,
    ImmutableSortedDictionary<CellStatus, int> Counts)
{
    /// <summary>What stands in the place of a difference in the row that the others are compared with.</summary>
    public const string ReferenceText = "reference";

    /// <summary>What the marks on figures mean; empty when no figure has one.</summary>
    public ImmutableArray<string> Legend { get; init; } = [];

    /// <summary>How much of the run was disturbed; null when nothing was.</summary>
    public string? Disturbed { get; init; }

    /// <summary>Whether rows must name their model.</summary>
    public bool ShowModel => Rows.Select(r => r.Model).Distinct().Count() > 1;

    /// <summary>The table of each model by itself, with the columns that any of its rows has something in.</summary>
    public ImmutableArray<RunTable> ByModel() =>
    [
        .. Rows.GroupBy(r => r.Model).Select(model => this with
        {
            Rows = [.. model],
            Columns = [.. Columns.Where(c => model.Any(r => r.Figures[c.Id].Text is not (Format.Missing or ReferenceText)))],
        }),
    ];

    /// <summary>Whether rows must name their backend.</summary>
    public bool ShowBackend => Rows.Select(r => r.Backend).Distinct().Count() > 1;
}
