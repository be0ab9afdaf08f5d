using System.Collections.Immutable;
using QuantBench.Dashboard.Runs;
using QuantBench.Results.Reading;

namespace QuantBench.Dashboard.Queries;

/// <summary>One page of runs.</summary>
/// <param name="Runs">The runs.</param>
/// <param name="Matching">Runs that the filter keeps.</param>
/// <param name="All">Runs in all.</param>
public sealed record RunPage(ImmutableArray<RunListItem> Runs, int Matching, int All)
{
    /// <summary>Number of pages, at least 1.</summary>
    public int Pages => Math.Max(1, (Matching + RunFilter.PageSize - 1) / RunFilter.PageSize);
}

/// <summary>What filters offer.</summary>
/// <param name="Suites">Suites.</param>
/// <param name="Machines">Machine id and host name.</param>
/// <param name="Models">Models.</param>
/// <param name="Tags">Labels.</param>
public sealed record RunFacets(
    ImmutableArray<string> Suites, ImmutableArray<(string Id, string Host)> Machines, ImmutableArray<string> Models,
    ImmutableArray<string> Tags);
