namespace QuantBench.Results.Reading;

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
