namespace QuantBench.Results.Store;

/// <summary>A run in the store.</summary>
public sealed class RunRow
{
    /// <summary>The run's id.</summary>
    public required string Id { get; init; }

    /// <summary>Name of the suite.</summary>
    public required string Suite { get; init; }

    /// <summary>SHA-256 of the suite's text.</summary>
    public required string SuiteSha256 { get; init; }

    /// <summary>Start, milliseconds since 1970 UTC.</summary>
    public required long StartedMs { get; init; }

    /// <summary>End, milliseconds since 1970 UTC; null while running.</summary>
    public long? FinishedMs { get; init; }

    /// <summary>Status as in <c>run.json</c>.</summary>
    public required string Status { get; init; }

    /// <summary>Number of cells the suite expands to.</summary>
    public required int CellCount { get; init; }

    /// <summary>Stable id of the machine.</summary>
    public required string MachineId { get; init; }

    /// <summary>Host name.</summary>
    public required string Host { get; init; }

    /// <summary>CPU model.</summary>
    public required string Cpu { get; init; }

    /// <summary>Folder relative to the results root, or absolute when it lies elsewhere.</summary>
    public required string Folder { get; init; }

    /// <summary>The whole <c>run.json</c> on one line.</summary>
    public required string Info { get; init; }
}
