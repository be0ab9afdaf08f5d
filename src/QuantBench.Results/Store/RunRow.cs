namespace QuantBench.Results.Store;

/// <summary>A run in the store.</summary>
internal sealed class RunRow
{
    public required string Id { get; init; }
    public required string Suite { get; init; }
    public required string SuiteSha256 { get; init; } // of the suite's text
    public required long StartedMs { get; init; } // milliseconds since 1970 UTC
    public long? FinishedMs { get; init; } // null while running
    public required string Status { get; init; } // as in run.json
    public required int CellCount { get; init; } // cells the suite expands to
    public required string MachineId { get; init; }
    public required string Host { get; init; }
    public required string Cpu { get; init; }
    public required string Folder { get; init; } // relative to the results root, or absolute when it lies elsewhere
    public required string Info { get; init; } // the whole run.json on one line
}
