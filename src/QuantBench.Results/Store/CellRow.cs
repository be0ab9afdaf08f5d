namespace QuantBench.Results.Store;

/// <summary>A finished cell in the store.</summary>
public sealed class CellRow
{
    /// <summary>Row number; not stable over a reindex.</summary>
    public long Id { get; init; }

    /// <summary>The run's id.</summary>
    public required string RunId { get; init; }

    /// <summary>The cell's id: the same in every run that measures it.</summary>
    public required string CellId { get; init; }

    /// <summary>Model id.</summary>
    public required string Model { get; init; }

    /// <summary>Variant id.</summary>
    public required string Variant { get; init; }

    /// <summary>Backend id.</summary>
    public required string Backend { get; init; }

    /// <summary>Workload name.</summary>
    public required string Workload { get; init; }

    /// <summary>Settings as canonical JSON.</summary>
    public required string Settings { get; init; }

    /// <summary>Status as in <c>cells.jsonl</c>.</summary>
    public required string Status { get; init; }

    /// <summary>Why, unless it ended well.</summary>
    public string? Reason { get; init; }

    /// <summary>What ended a failed cell.</summary>
    public string? Failure { get; init; }

    /// <summary>Start, milliseconds since 1970 UTC.</summary>
    public required long StartedMs { get; init; }

    /// <summary>Wall-clock seconds.</summary>
    public required double Seconds { get; init; }

    /// <summary>Notes, provenance and conditions as one JSON object; null when all are empty.</summary>
    public string? Details { get; init; }
}
