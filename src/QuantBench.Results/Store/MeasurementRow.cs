namespace QuantBench.Results.Store;

/// <summary>The aggregates of one measurement in the store. Figures that aren't numbers (NaN) are null.</summary>
public sealed class MeasurementRow
{
    /// <summary>Row number; not stable over a reindex.</summary>
    public long Id { get; init; }

    /// <summary>The cell's row.</summary>
    public required long CellRowId { get; init; }

    /// <summary>Metric name.</summary>
    public required string Name { get; init; }

    /// <summary>Unit.</summary>
    public required string Unit { get; init; }

    /// <summary>Which way is better.</summary>
    public required string Direction { get; init; }

    /// <summary>The figure to quote.</summary>
    public double? Value { get; init; }

    /// <summary>Standard error.</summary>
    public double? Error { get; init; }

    /// <summary>Number of observations.</summary>
    public long? N { get; init; }

    /// <summary>Arithmetic mean.</summary>
    public double? Mean { get; init; }

    /// <summary>Sample standard deviation.</summary>
    public double? Sd { get; init; }

    /// <summary>Median.</summary>
    public double? Median { get; init; }

    /// <summary>Smallest observation.</summary>
    public double? Min { get; init; }

    /// <summary>Largest observation.</summary>
    public double? Max { get; init; }

    /// <summary>90th percentile.</summary>
    public double? P90 { get; init; }

    /// <summary>95th percentile.</summary>
    public double? P95 { get; init; }

    /// <summary>99th percentile.</summary>
    public double? P99 { get; init; }

    /// <summary>Low end of the 95 % interval.</summary>
    public double? CiLow { get; init; }

    /// <summary>High end of the 95 % interval.</summary>
    public double? CiHigh { get; init; }

    /// <summary>Protocol id.</summary>
    public string? Protocol { get; init; }

    /// <summary>Marks on the figure as a JSON array; null when there are none.</summary>
    public string? Notes { get; init; }
}
