namespace QuantBench.Results.Store;

/// <summary>A finished cell in the store.</summary>
internal sealed class CellRow
{
    public long Id { get; init; } // not stable over a reindex
    public required string RunId { get; init; }
    public required string CellId { get; init; } // the same in every run that measures it
    public required string Model { get; init; }
    public required string Variant { get; init; }
    public required string Backend { get; init; }
    public required string Workload { get; init; }
    public required string Settings { get; init; } // canonical JSON
    public required string Status { get; init; } // as in cells.jsonl
    public string? Reason { get; init; } // why, unless it ended well
    public string? Failure { get; init; } // what ended a failed cell
    public required long StartedMs { get; init; } // milliseconds since 1970 UTC
    public required double Seconds { get; init; }
    public string? Details { get; init; } // notes, provenance and conditions as one JSON object; null when all are empty
}
