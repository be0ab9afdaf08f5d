using System.Collections.Immutable;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Results.Store;

namespace QuantBench.Dashboard.Queries;

/// <summary>Turns the store's rows back into the records they came from.</summary>
internal static class RowReading
{
    /// <summary>A cell; null when it names a variant or backend this program doesn't know.</summary>
    public static CellView? Cell(CellRow row, IEnumerable<MeasurementRow> measurements)
    {
        if (!Variant.TryParse(row.Variant, out Variant? variant) || variant is null || !BackendId.TryParse(row.Backend, out BackendId backend)) return null;
        Details details = row.Details is null ? new Details() : JsonSerializer.Deserialize<Details>(row.Details, Json.Line) ?? new Details();
        var cell = new Cell(row.Model, variant, backend, row.Workload, JsonSerializer.Deserialize<CellSettings>(row.Settings) ?? CellSettings.Empty);
        return new CellView(row.Id, new CellResult
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
            Metrics = [.. measurements.Select(Measurement)],
        });
    }

    public static Measurement Measurement(MeasurementRow row) => new()
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
    };

    private sealed record Details
    {
        public ImmutableArray<string> Notes { get; init; } = [];

        public ImmutableSortedDictionary<string, string> Provenance { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

        public ImmutableSortedDictionary<string, double> Conditions { get; init; } = ImmutableSortedDictionary<string, double>.Empty;
    }
}
