using System.Collections.Immutable;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;

namespace QuantBench.Results.Store;

/// <summary>Turns the store's rows back into the records they came from.</summary>
internal static class RowReading
{
    /// <summary>A cell; null when it names a variant or backend this program doesn't know.</summary>
    /// <param name="row">The cell's row.</param>
    /// <param name="metrics">What it measured.</param>
    public static CellResult? Cell(CellRow row, ImmutableArray<Measurement> metrics)
    {
        ArgumentNullException.ThrowIfNull(row);
        if (!Variant.TryParse(row.Variant, out Variant? variant) || variant is null
            || !BackendId.TryParse(row.Backend, out BackendId backend)) return null;
        Details details = row.Details is null ? new Details()
            : JsonSerializer.Deserialize<Details>(row.Details, Json.Line) ?? new Details();
        var cell = new Cell(row.Model, variant, backend, row.Workload,
            JsonSerializer.Deserialize<CellSettings>(row.Settings) ?? CellSettings.Empty);
        return new CellResult
        {
            Cell = cell,
            Status = JsonSerializer.Deserialize<CellStatus>($"\"{row.Status}\"", Json.Line),
            Reason = row.Reason,
            Failure = row.Failure is null ? null : JsonSerializer.Deserialize<FailureKind>($"\"{row.Failure}\"", Json.Line),
            Started = DateTimeOffset.FromUnixTimeMilliseconds(row.StartedMs),
            Seconds = row.Seconds,
            Notes = details.Notes.IsDefaultOrEmpty ? null : details.Notes,
            Provenance = details.Provenance,
            Conditions = details.Conditions,
            Metrics = metrics,
        };
    }

    /// <summary>A measurement.</summary>
    /// <param name="row">Its row.</param>
    /// <param name="samples">Its raw samples; null when there are none.</param>
    public static Measurement Measurement(MeasurementRow row, double[]? samples = null)
    {
        ArgumentNullException.ThrowIfNull(row);
        return new()
        {
            Name = row.Name,
            Unit = row.Unit,
            Direction = row.Direction switch { "lower" => Direction.Lower, "higher" => Direction.Higher, _ => Direction.None },
            Value = row.Value ?? double.NaN,
            Error = row.Error,
            N = row.N,
            Mean = row.Mean,
            StandardDeviation = row.Sd,
            Median = row.Median,
            Min = row.Min,
            Max = row.Max,
            P90 = row.P90,
            P95 = row.P95,
            P99 = row.P99,
            Ci95 = row is { CiLow: { } low, CiHigh: { } high } ? [low, high] : null,
            Protocol = row.Protocol,
            Notes = row.Notes is null ? null : JsonSerializer.Deserialize<ImmutableArray<string>>(row.Notes, Json.Line),
            Timing = Timing(row.Timing),
            Samples = samples,
        };
    }

    /// <summary>What the store knows of a timing's launches; null when it knows nothing.</summary>
    /// <param name="json">The column.</param>
    public static TimingFacts? Timing(string? json) =>
        json is null ? null : JsonSerializer.Deserialize<TimingFacts>(json, Json.Line);

    private sealed record Details
    {
        public ImmutableArray<string> Notes { get; init; } = [];

        public ImmutableSortedDictionary<string, string> Provenance { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

        public ImmutableSortedDictionary<string, double> Conditions { get; init; } = ImmutableSortedDictionary<string, double>.Empty;
    }
}
