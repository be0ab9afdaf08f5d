using System.Collections.Immutable;

namespace QuantBench.Dashboard.Queries;

/// <summary>Which runs to list, as the address says it.</summary>
public sealed record RunFilter
{
    /// <summary>Runs on a page.</summary>
    public const int PageSize = 50;

    /// <summary>Text in id, suite or host; empty = all.</summary>
    public string Search { get; init; } = "";

    /// <summary>Suite; empty = all.</summary>
    public string Suite { get; init; } = "";

    /// <summary>Machine id; empty = all.</summary>
    public string Machine { get; init; } = "";

    /// <summary>Model; empty = all.</summary>
    public string Model { get; init; } = "";

    /// <summary>completed, running or stopped; empty = all. <c>failed</c> = with failed cells.</summary>
    public string Status { get; init; } = "";

    /// <summary>Label; empty = all.</summary>
    public string Tag { get; init; } = "";

    /// <summary>Column: started, id, suite, host, cells.</summary>
    public string Sort { get; init; } = "started";

    /// <summary>Whether the largest comes first.</summary>
    public bool Descending { get; init; } = true;

    /// <summary>1-based page.</summary>
    public int Page { get; init; } = 1;
}

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
