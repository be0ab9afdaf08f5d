using System.Collections.Immutable;
using System.Globalization;
using Microsoft.AspNetCore.Components;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Plots;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Workloads;
using QuantBench.Dashboard.Figures;
using QuantBench.Dashboard.Matrix;
using QuantBench.Dashboard.Queries;
using QuantBench.Dashboard.Runs;
using QuantBench.Dashboard.Text;
using QuantBench.Lab.Notes;

namespace QuantBench.Dashboard.Pages;

/// <summary>One run as a matrix with a drawer, and everything that did not run with its reason.</summary>
public sealed partial class Run
{
    private const int MostInTable = 5000; // cells

    private ImmutableArray<string> _models = [];
    private ImmutableArray<MetricDefinition> _shown = [];
    private ImmutableArray<MetricDefinition> _more = [];
    private ImmutableArray<MatrixSlice> _slices = [];
    private ImmutableArray<ProblemGroup> _problems = [];
    private ImmutableArray<PlotFigure> _figures = [];
    private ImmutableArray<QuantBench.Analysis.Gates.GateReport> _gates = [];
    private RunNote _note = RunNote.None;
    private ImmutableArray<string> _variants = [];
    private ImmutableArray<string> _marks = [];
    private string? _reference;
    private string _took = "";
    private string _progress = "";

    /// <summary>The run's id, or <c>latest</c>.</summary>
    [Parameter]
    public string Id { get; set; } = "";

    /// <summary>Metric of the matrix.</summary>
    [SupplyParameterFromQuery(Name = "metric")]
    public string? MetricName { get; set; }

    /// <summary>Cell whose drawer is open.</summary>
    [SupplyParameterFromQuery(Name = "cell")]
    public string? CellId { get; set; }

    /// <summary>Workload of the matrix.</summary>
    [SupplyParameterFromQuery(Name = "slice")]
    public string? SliceKey { get; set; }

    /// <summary><c>column</c> = each column has its own scale.</summary>
    [SupplyParameterFromQuery(Name = "scale")]
    public string? Scale { get; set; }

    /// <summary>Variant that figures are shown as differences to.</summary>
    [SupplyParameterFromQuery(Name = "base")]
    public string? Base { get; set; }

    /// <summary>Column that the results are sorted by.</summary>
    [SupplyParameterFromQuery(Name = "rsort")]
    public string? ResultSort { get; set; }

    /// <summary><c>desc</c> = the largest first.</summary>
    [SupplyParameterFromQuery(Name = "rdir")]
    public string? ResultDir { get; set; }

    /// <summary>What the results are narrowed to.</summary>
    [SupplyParameterFromQuery(Name = "rq")]
    public string? ResultFilter { get; set; }

    /// <summary>Page of the results.</summary>
    [SupplyParameterFromQuery(Name = "rpage")]
    public string? ResultPage { get; set; }

    private RunDetail? Detail { get; set; }

    private ResultsView? Results { get; set; }

    private MatrixView? View { get; set; }

    private CellDrawerView? Drawer { get; set; }

    private PlannedCell? Place { get; set; }

    [Inject]
    private RunQueries Runs { get; set; } = null!;

    [Inject]
    private DecisionQueries Decisions { get; set; } = null!;

    [Inject]
    private FigureSource Figures { get; set; } = null!;

    [Inject]
    private RunNotes Notes { get; set; } = null!;

    /// <inheritdoc/>
    protected override async Task LoadAsync()
    {
        Detail = await Runs.FindAsync(Id, Left);
        if (Detail is null)
        {
            NotThere();
            return;
        }

        Id = Detail.Info.Id;
        _note = Notes.Of(Id);
        _models = [.. Detail.Cells.Select(c => c.Result.Cell.Model).Concat(Detail.Planned.Select(c => c.Model)).Distinct()];
        _reference = Detail.Planned.Concat(Detail.Cells.Select(c => c.Result.Cell)).Where(c => WorkloadTable.Of(c).NeedsReference)
            .Select(c => c.Settings.Text("reference")).FirstOrDefault(r => r.Length > 0);
        _problems = ProblemGroup.Of(Detail);
        string? share = MarkText.Share(Detail.Cells.Select(c => c.Result));
        _marks = [.. share is null ? [] : (string[])[share + "."], .. MarkText.Legend(Detail.Cells.SelectMany(c => c.Result.Metrics))];
        _took = Detail.Info.Finished is { } end ? $", took {Format.Duration(end - Detail.Info.Started)}"
            : Detail.State == RunState.Running ? $", {Format.Duration(Clock.GetUtcNow() - Detail.Info.Started)} so far" : "";
        _progress = Detail.State == RunState.Completed
            ? "completed, "
                + $"{Words.Count(Detail.Counts.Total, "cell", "cells")}"
                + (Detail.Counts.Failed > 0 ? $", {Detail.Counts.Failed} failed" : "")
            : $"{Words.State(Detail.State)}, {Detail.Counts.Finished} of {Detail.Counts.Total} "
                + $"cells{(Detail.Counts.Failed > 0 ? $", {Detail.Counts.Failed} failed" : "")}{Remaining()}";
        await LoadMatrixAsync(Detail);
        await LoadResultsAsync(Detail);
        _figures = await Figures.OfRunAsync(Id, Left);
        if (!Detail.Cells.IsEmpty) _gates = await Decisions.GatesAsync(Id, Left);
    }

    // A table of many thousand rows is for a file, not for a page.
    private async Task LoadResultsAsync(RunDetail run)
    {
        if (run.Counts.Ok == 0 || run.Cells.Length > MostInTable || await Runs.TableAsync(Id, Left) is not { } table) return;
        int page = int.TryParse(ResultPage, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 1;
        Results = ResultsView.Of(table, ResultSort, ResultDir == "desc", ResultFilter, page);
    }

    private async Task LoadMatrixAsync(RunDetail run)
    {
        ImmutableArray<MetricDefinition> metrics = MatrixBuilder.Metrics(run);
        if (metrics.IsEmpty)
        {
            // Nothing measured yet: the plan is shown with every cell waiting.
            if (run.Planned.IsEmpty && run.Cells.IsEmpty) return;
            metrics = [MetricTable.Perplexity];
        }

        int first = MatrixBuilder.FirstCount(metrics);
        (_shown, _more) = ([.. metrics.Take(Math.Max(1, first))], [.. metrics.Skip(Math.Max(1, first))]);
        MetricDefinition metric = metrics.FirstOrDefault(m => m.Name == MetricName)
            ?? (metrics.Contains(MetricTable.GenerationSpeed) ? MetricTable.GenerationSpeed : metrics[0]);
        _slices = MatrixBuilder.Slices(run, metric);
        MatrixSlice slice = _slices.FirstOrDefault(s => s.Key == SliceKey)
            ?? _slices.FirstOrDefault(s =>
                CellId is not null
                    && run.Cells.Select(c => c.Result.Cell).Concat(run.Planned)
                        .Any(c => c.Id.Value == CellId && MatrixBuilder.Key(c) == s.Key)) ?? _slices[0];
        View = MatrixBuilder.Build(run, metric, slice, Scale == "column");
        _variants = [
            .. View.Groups.SelectMany(g => g.Rows).Where(r => r.Cells.Any(c => c.Kind == MatrixCellKind.Value)).Select(r => r.Variant.Id)];
        View = await Runs.AgainstAsync(View, run, Base, Left);
        if (CellId is null) return;
        Drawer = await CellDrawerQuery.LoadAsync(Runs, run, CellId, metric.Name, Left);
        Place = Drawer is null ? PlannedCell.Find(run, CellId) : null;
    }

    private static string MatrixNote(MatrixView view) =>
        view.Metric.Description + (view.Unit.Length > 0 ? $", {view.Unit}" : "") + $"; {view.Slice.Title}"
            + (view.Baseline is null ? "" : $"; differences to {view.Baseline}");

    private string MatrixFile(MatrixView view) => Link.To(
        $"/api/v1/runs/{Id}/matrix.csv", ("metric", view.Metric.Name), ("slice", view.Slice.Key), ("base", view.Baseline));

    private string MetricLink(MetricDefinition metric) =>
        Link.With(Navigation.Uri, ("metric", metric.Name), ("slice", null), ("cell", SameCell(metric)));

    // The drawer follows the metric: to the cell of the same variant and backend that measures it.
    private string? SameCell(MetricDefinition metric)
    {
        if (Drawer is null || Detail is null) return CellId;
        Cell open = Drawer.Result.Cell;
        return Detail.Cells.Where(c =>
            c.Result.Cell.Variant == open.Variant && c.Result.Cell.Backend == open.Backend && c.Result.Cell.Model == open.Model
                && c[metric.Name] is not null)
            .Select(c => c.Result.Cell).OrderBy(c => WorkloadTable.Place(metric, c.Workload)).FirstOrDefault()?.Id.Value ?? CellId;
    }

    private string Remaining()
    {
        if (Detail is not { State: RunState.Running, Counts.Finished: > 0 } run) return "";
        double perCell = run.Cells.Average(c => c.Result.Seconds);
        return $", about {Format.Duration(TimeSpan.FromSeconds(Math.Ceiling(perCell * run.Counts.Waiting)))} left";
    }
}
