namespace QuantBench.Results.Store;

/// <summary>The aggregates of one measurement in the store. Figures that aren't numbers (NaN) are null.</summary>
internal sealed class MeasurementRow
{
    public long Id { get; init; } // not stable over a reindex
    public required long CellRowId { get; init; }
    public required string Name { get; init; }
    public required string Unit { get; init; }
    public required string Direction { get; init; }
    public double? Value { get; init; } // the figure to quote
    public double? Error { get; init; } // standard error
    public long? N { get; init; } // number of observations
    public double? Mean { get; init; }
    public double? Sd { get; init; }
    public double? Median { get; init; }
    public double? Min { get; init; }
    public double? Max { get; init; }
    public double? P90 { get; init; }
    public double? P95 { get; init; }
    public double? P99 { get; init; }
    public double? CiLow { get; init; } // of the 95 % interval
    public double? CiHigh { get; init; }
    public string? Protocol { get; init; }
    public string? Timing { get; init; } // launches, disturbed samples and mark of a timing as JSON; null when nothing is known
    public string? Notes { get; init; } // marks on the figure as a JSON array; null when there are none
}
