using System.Text.Json.Serialization;
using Parquet;
using Parquet.Serialization;
using QuantBench.Core.Metrics;
using QuantBench.Results.Folders;

namespace QuantBench.Results.Exchange;

/// <summary>Apache Parquet, long form: the columns of the CSV and the raw samples as a list column.</summary>
public sealed class ParquetExporter : IRunExporter
{
    /// <inheritdoc/>
    public string Name => "parquet";

    /// <inheritdoc/>
    public async Task WriteAsync(RunRecord run, Stream output, CancellationToken cancellationToken)
    {
        // The footer needs the writer's position, which a pipe doesn't have.
        using var buffer = new MemoryStream();
        await ParquetSerializer.SerializeAsync(MetricRecord.Of(run).Select(ParquetRow.Of), buffer, new ParquetOptions(),
            cancellationToken: cancellationToken);
        buffer.Position = 0;
        await buffer.CopyToAsync(output, cancellationToken);
    }
}

/// <summary>One row of the Parquet file.</summary>
internal sealed class ParquetRow
{
    [JsonPropertyName("run")]
    public string? Run { get; set; }

    [JsonPropertyName("suite")]
    public string? Suite { get; set; }

    [JsonPropertyName("machine")]
    public string? Machine { get; set; }

    [JsonPropertyName("cell")]
    public string? Cell { get; set; }

    [JsonPropertyName("model")]
    public string? Model { get; set; }

    [JsonPropertyName("variant")]
    public string? Variant { get; set; }

    [JsonPropertyName("backend")]
    public string? Backend { get; set; }

    [JsonPropertyName("workload")]
    public string? Workload { get; set; }

    [JsonPropertyName("settings")]
    public string? Settings { get; set; }

    [JsonPropertyName("status")]
    public string? Status { get; set; }

    [JsonPropertyName("reason")]
    public string? Reason { get; set; }

    [JsonPropertyName("metric")]
    public string? Metric { get; set; }

    [JsonPropertyName("unit")]
    public string? Unit { get; set; }

    [JsonPropertyName("direction")]
    public string? Direction { get; set; }

    [JsonPropertyName("value")]
    public double? Value { get; set; }

    [JsonPropertyName("error")]
    public double? Error { get; set; }

    [JsonPropertyName("n")]
    public long? N { get; set; }

    [JsonPropertyName("mean")]
    public double? Mean { get; set; }

    [JsonPropertyName("sd")]
    public double? Sd { get; set; }

    [JsonPropertyName("median")]
    public double? Median { get; set; }

    [JsonPropertyName("min")]
    public double? Min { get; set; }

    [JsonPropertyName("max")]
    public double? Max { get; set; }

    [JsonPropertyName("p90")]
    public double? P90 { get; set; }

    [JsonPropertyName("p95")]
    public double? P95 { get; set; }

    [JsonPropertyName("p99")]
    public double? P99 { get; set; }

    [JsonPropertyName("ci95_low")]
    public double? Ci95Low { get; set; }

    [JsonPropertyName("ci95_high")]
    public double? Ci95High { get; set; }

    [JsonPropertyName("protocol")]
    public string? Protocol { get; set; }

    [JsonPropertyName("mark")]
    public string? Mark { get; set; }

    [JsonPropertyName("launches")]
    public int? Launches { get; set; }

    [JsonPropertyName("disturbed")]
    public int? Disturbed { get; set; }

    [JsonPropertyName("samples")]
    public List<double>? Samples { get; set; }

    public static ParquetRow Of(MetricRecord record)
    {
        Measurement? m = record.Measurement;
        return new ParquetRow
        {
            Run = record.Run,
            Suite = record.Suite,
            Machine = record.Machine,
            Cell = record.Cell,
            Model = record.Model,
            Variant = record.Variant,
            Backend = record.Backend,
            Workload = record.Workload,
            Settings = record.Settings,
            Status = record.Status,
            Reason = record.Reason,
            Metric = record.Metric,
            Unit = record.Unit,
            Direction = record.Direction,
            Value = m?.Value,
            Error = m?.Error,
            N = m?.N,
            Mean = m?.Mean,
            Sd = m?.StandardDeviation,
            Median = m?.Median,
            Min = m?.Min,
            Max = m?.Max,
            P90 = m?.P90,
            P95 = m?.P95,
            P99 = m?.P99,
            Ci95Low = m?.Ci95 is [double low, _] ? low : null,
            Ci95High = m?.Ci95 is [_, double high] ? high : null,
            Protocol = m?.Protocol,
            Mark = record.Mark,
            Launches = m?.Timing is null ? null : m.Launches,
            Disturbed = m?.Timing is { } timing ? timing.DisturbedSamples?.Length ?? 0 : null,
            Samples = m?.Samples is { } samples ? [.. samples] : [],
        };
    }
}
