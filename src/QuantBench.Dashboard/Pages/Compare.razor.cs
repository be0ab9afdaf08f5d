using System.Collections.Immutable;
using Microsoft.AspNetCore.Components;
using QuantBench.Analysis.Compare;
using QuantBench.Dashboard.Queries;
using QuantBench.Dashboard.Text;

namespace QuantBench.Dashboard.Pages;

/// <summary>Is B better than A, in what, and are we sure?</summary>
public sealed partial class Compare
{
    private const int MostRuns = 100;

    private ImmutableArray<RunListItem> _runs = [];
    private ImmutableArray<ComparisonGroup> _groups = [];
    private RunComparison? _comparison;
    private ComparisonSide? _a;
    private ComparisonSide? _b;
    private double _range = 0.1;
    private string _lead = "Pick a base and what to hold against it: two runs, or two variants.";

    /// <summary>The base, <c>run[:variant[@backend]]</c>.</summary>
    [SupplyParameterFromQuery(Name = "a")]
    public string? A { get; set; }

    /// <summary>What is held against it.</summary>
    [SupplyParameterFromQuery(Name = "b")]
    public string? B { get; set; }

    /// <summary>Only this metric.</summary>
    [SupplyParameterFromQuery(Name = "metric")]
    public string? MetricName { get; set; }

    /// <summary>Runs that were ticked in the list: the older is the base.</summary>
    [SupplyParameterFromQuery(Name = "run")]
    public string[]? Ticked { get; set; }

    /// <summary>Parts of the base, as the form sends them.</summary>
    [SupplyParameterFromQuery(Name = "a-part")]
    public string[]? PartsA { get; set; }

    /// <summary>Parts of the other side.</summary>
    [SupplyParameterFromQuery(Name = "b-part")]
    public string[]? PartsB { get; set; }

    [Inject]
    private ComparisonQueries Queries { get; set; } = null!;

    [Inject]
    private RunQueries Runs { get; set; } = null!;

    /// <inheritdoc/>
    protected override async Task LoadAsync()
    {
        if (Ticked is { Length: >= 2 })
        {
            string[] ordered = [.. Ticked.Order(StringComparer.Ordinal)];
            Navigation.NavigateTo(Link.To("/compare", ("a", ordered[0]), ("b", ordered[^1])));
            return;
        }

        if (PartsA is { Length: > 0 } || PartsB is { Length: > 0 })
        {
            // One address per comparison, whatever way it was picked.
            Navigation.NavigateTo(Link.To("/compare", ("a", Join(PartsA)), ("b", Join(PartsB)), ("metric", MetricName)));
            return;
        }

        _runs = await Runs.LatestAsync(MostRuns, Left);
        if (_runs.IsEmpty) return;
        (string before, string after) = Pair();
        A ??= Ticked is [string only] ? only : before;
        B ??= after;
        _a = Queries.Side(A);
        _b = Queries.Side(B);
        _comparison = await Queries.CompareAsync(A, B);
        MetricComparison[] rows = [.. _comparison.Rows.Where(r => string.IsNullOrEmpty(MetricName) || r.Metric.Name == MetricName)];
        _groups = ComparisonQueries.Group(rows);
        _range = ComparisonRange.Of(rows);
        _lead = A == B ? "Both sides are the same; pick another." : ComparisonText.Lead(_comparison);
    }

    // The newest run that has an earlier one of its suite and machine, or the two newest.
    private (string Before, string After) Pair()
    {
        foreach (RunListItem run in _runs)
        {
            if (_runs.FirstOrDefault(r => r.Suite == run.Suite && r.MachineId == run.MachineId && r.Started < run.Started) is { } earlier) return (earlier.Id, run.Id);
        }

        return (_runs[^1].Id, _runs[0].Id);
    }

    private static string Join(string[]? parts)
    {
        string[] all = [.. (parts ?? []).Where(p => p.Length > 0)];
        string run = all.FirstOrDefault(p => !p.StartsWith(':') && !p.StartsWith('@')) ?? "";
        string variant = all.FirstOrDefault(p => p.StartsWith(':')) ?? "";
        string backend = all.FirstOrDefault(p => p.StartsWith('@')) ?? "";
        return run + (variant.Length == 0 && backend.Length > 0 ? ":*" : variant) + backend;
    }
}
