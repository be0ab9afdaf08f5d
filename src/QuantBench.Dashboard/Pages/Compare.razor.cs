using System.Collections.Immutable;
using Microsoft.AspNetCore.Components;
using QuantBench.Analysis.Compare;
using QuantBench.Analysis.Plots;
using QuantBench.Dashboard.Queries;
using QuantBench.Dashboard.Runs;
using QuantBench.Dashboard.Text;

namespace QuantBench.Dashboard.Pages;

/// <summary>Are the candidates better than the base, in what, and are we sure?</summary>
public sealed partial class Compare
{
    private const int MostRuns = 100;

    private ImmutableArray<RunListItem> _runs = [];
    private ImmutableArray<CandidatePick> _picks = [];
    private ImmutableArray<ManyGroup> _groups = [];
    private ImmutableArray<(string Name, string Title)> _metrics = [];
    private ImmutableArray<string> _labels = [];
    private ImmutableArray<string> _differing = [];
    private ImmutableArray<string> _only = [];
    private ImmutableArray<BackendRow> _backends = [];
    private ImmutableArray<ManyRow> _backendRows = [];
    private ManyComparison? _many;
    private ComparisonFocus? _focus;
    private ComparisonSide? _a;
    private PlotFigure? _differences;
    private PlotFigure? _distribution;
    private double _range = 0.1;
    private string? _addLink;
    private string _csv = "";
    private string _note = "";
    private string _backendNote = "";
    private string _lead = "Pick a base and what to hold against it: two runs, or two variants.";

    /// <summary>The base, <c>run[:variant[@backend]]</c>.</summary>
    [SupplyParameterFromQuery(Name = "a")]
    public string? A { get; set; }

    /// <summary>What is held against it, one to five.</summary>
    [SupplyParameterFromQuery(Name = "b")]
    public string[]? B { get; set; }

    /// <summary>Only this metric.</summary>
    [SupplyParameterFromQuery(Name = "metric")]
    public string? MetricName { get; set; }

    /// <summary>The row whose samples are drawn.</summary>
    [SupplyParameterFromQuery(Name = "cell")]
    public string? CellName { get; set; }

    /// <summary>Runs that were ticked in the list: the oldest is the base.</summary>
    [SupplyParameterFromQuery(Name = "run")]
    public string[]? Ticked { get; set; }

    /// <summary>Parts of the base, as the form sends them.</summary>
    [SupplyParameterFromQuery(Name = "a-part")]
    public string[]? PartsA { get; set; }

    /// <summary>Parts of the candidates, one after the other; a run begins the next.</summary>
    [SupplyParameterFromQuery(Name = "b-part")]
    public string[]? PartsB { get; set; }

    [Inject]
    private ComparisonQueries Sides { get; set; } = null!;

    [Inject]
    private ManyComparisonQueries Queries { get; set; } = null!;

    [Inject]
    private RunQueries Runs { get; set; } = null!;

    /// <inheritdoc/>
    protected override async Task LoadAsync()
    {
        if (Ticked is { Length: >= 2 })
        {
            string[] ordered = [.. Ticked.Order(StringComparer.Ordinal)];
            Navigation.NavigateTo(Address(ordered[0], ordered[1..].TakeLast(ManyComparison.MostSides - 1)));
            return;
        }

        if (PartsA is { Length: > 0 } || PartsB is { Length: > 0 })
        {
            // One address per comparison, whatever way it was picked.
            Navigation.NavigateTo(Address(SideParts.Join(PartsA).FirstOrDefault() ?? "", SideParts.Join(PartsB)));
            return;
        }

        _runs = await Runs.LatestAsync(MostRuns, Left);
        if (_runs.IsEmpty) return;
        (string before, string after) = Pair();
        A ??= Ticked is [string only] ? only : before;
        B = B is { Length: > 0 } ? B : [after];
        Pick(A, B);
        _many = await Queries.CompareAsync(A, B);
        _labels = _many.Labels[1..];
        _differing = _many.Differing;
        _metrics =
        [
            .. _many.Comparisons.SelectMany(c => c.Rows).Select(r => r.Metric).Distinct().OrderBy(m => m.Title, StringComparer.Ordinal)
                .Select(m => (m.Name, m.Title)),
        ];
        _groups = _many.Groups(MetricName);
        _range = ComparisonRange.Of(_many.Rows(MetricName).SelectMany(r => r.Sides).OfType<MetricComparison>());
        _focus = ManyComparisonQueries.Focus(_many, MetricName, CellName);
        _differences = await Queries.DifferencesAsync(_many, MetricName);
        _csv = Link.To("/api/v1/compare.csv", [("a", A), .. B.Select(b => ("b", (string?)b))]);
        _only = [.. _many.Comparisons[0].OnlyA.Select(c => $"{_many.Labels[0]}: {c}"),
            .. _many.Comparisons.SelectMany((c, i) => c.OnlyB.Select(cell => $"{_labels[i]}: {cell}"))];
        _note = $"{_many.Base.Name} against {string.Join(", ", _many.Others.Select(o => o.Name))}";
        _lead = B.All(b => b == A) ? "Both sides are the same; pick another."
            : B.Length == 1 ? ComparisonText.Lead(_many.Comparisons[0]) : Lead(_many);
        if (_focus is null) return;
        _distribution = await Queries.DistributionAsync(_many, _focus);
        _backends = await Queries.BackendsAsync(_many, _focus);
        _backendRows = [.. _backends.Select(b => b.Row)];
        _backendNote =
            _focus.Metric.Description
                + (_many.Base.Variant is null
                    && _focus.Row?.Sides.OfType<MetricComparison>().FirstOrDefault()?.VariantA is { } variant ? $"; {variant.Id}" : "");
    }

    private string BackendOf(ManyRow row) => _backends.First(b => ReferenceEquals(b.Row, row)).Backend;

    private void Pick(string a, string[] b)
    {
        // A side that names nothing still has its picker: the problem below says what is wrong with it.
        ComparisonSide? Read(string selector)
        {
            try
            {
                return Sides.Side(selector);
            }
            catch (Core.Errors.QuantBenchException)
            {
                return null;
            }
        }

        _a = Read(a);
        _picks =
        [
            .. b.Select((selector, i) => new CandidatePick(
                b.Length == 1 ? "Candidate" : $"Candidate {i + 1}", selector, Read(selector),
                Address(selector, b.Select((s, j) => j == i ? a : s)), b.Length == 1 ? null : Address(a, b.Where((_, j) => j != i)))),
        ];
        if (b.Length < ManyComparison.MostSides - 1 && SideParts.Next([a, .. b], _picks[^1].Side ?? _a, _runs) is { } next)
            _addLink = Address(a, b.Append(next));
    }

    private string Address(string a, IEnumerable<string> b) =>
        Link.To("/compare", [("a", a), .. b.Select(s => ("b", (string?)s)), ("metric", MetricName)]);

    private string Files(string figure) =>
        Link.To($"/figures/compare/{figure}",
            [("a", A), .. (B ?? []).Select(b => ("b", (string?)b)), ("metric", MetricName), ("cell", CellName)]);

    private static string Lead(ManyComparison many)
    {
        IEnumerable<string> each =
            many.Comparisons.Select((c, i) =>
                $"{many.Labels[i + 1]} is better in {c.Count(Verdict.Better)} and worse in {c.Count(Verdict.Worse)} of {c.Rows.Length} "
                    + "figures");
        return $"Against {many.Labels[0]}: {string.Join("; ", each)}.";
    }

    // The newest run that has an earlier one of its suite and machine, or the two newest.
    private (string Before, string After) Pair()
    {
        foreach (RunListItem run in _runs)
        {
            if (_runs.FirstOrDefault(r => r.Suite == run.Suite && r.MachineId == run.MachineId && r.Started < run.Started) is { } earlier)
                return (earlier.Id, run.Id);
        }

        return (_runs[^1].Id, _runs[0].Id);
    }
}
