using System.Globalization;
using System.Text;
using QuantBench.Core.Metrics;
using QuantBench.Results.Folders;

namespace QuantBench.Results.Exchange;

/// <summary>
/// RFC 4180: comma, CRLF, quotes where needed; UTF-8 without a byte order mark; numbers invariant and round-trip exact. One row per cell
/// and metric; raw samples are in JSON and Parquet only.
/// </summary>
public sealed class CsvExporter : IRunExporter
{
    private static readonly string[] s_columns =
    [
        "run", "suite", "machine", "cell", "model", "variant", "backend", "workload", "settings", "status", "reason", "metric", "unit",
        "direction",
        "value", "error", "n", "mean", "sd", "median", "min", "max", "p90", "p95", "p99", "ci95_low", "ci95_high", "protocol",
    ];

    // Runs of earlier builds know nothing of these, and keep the columns they had.
    private static readonly string[] s_timingColumns = ["mark", "launches", "disturbed"];

    /// <inheritdoc/>
    public string Name => "csv";

    /// <inheritdoc/>
    public async Task WriteAsync(RunRecord run, Stream output, CancellationToken cancellationToken)
    {
        await using var writer = new StreamWriter(output, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true);
        bool timing = run.Cells.Any(c => c.Metrics.Any(m => m.Timing is not null));
        await writer.WriteAsync(Row(timing ? [.. s_columns, .. s_timingColumns] : s_columns).AsMemory(), cancellationToken);
        foreach (MetricRecord record in MetricRecord.Of(run))
        {
            Measurement? m = record.Measurement;
            string?[] fields =
            [
                record.Run, record.Suite, record.Machine, record.Cell, record.Model, record.Variant, record.Backend, record.Workload,
                record.Settings,
                record.Status, record.Reason, record.Metric, record.Unit, record.Direction, Number(m?.Value), Number(m?.Error),
                m?.N?.ToString(CultureInfo.InvariantCulture), Number(m?.Mean), Number(m?.StandardDeviation), Number(m?.Median),
                Number(m?.Min),
                Number(m?.Max), Number(m?.P90), Number(m?.P95), Number(m?.P99), Number(m?.Ci95 is [double low, _] ? low : null),
                Number(m?.Ci95 is [_, double high] ? high : null), m?.Protocol,
            ];
            await writer.WriteAsync(Row(timing ? [.. fields, .. Timing(record)] : fields).AsMemory(), cancellationToken);
        }
    }

    private static string?[] Timing(MetricRecord record) => record.Measurement is { Timing: { } timing } m
        ? [record.Mark, $"{m.Launches}", $"{timing.DisturbedSamples?.Length ?? 0}"]
        : [record.Mark, null, null];

    private static string? Number(double? value) => value?.ToString("R", CultureInfo.InvariantCulture);

    private static string Row(string?[] fields) => string.Join(',', fields.Select(Field)) + "\r\n";

    private static string Field(string? text)
    {
        if (string.IsNullOrEmpty(text)) return "";

        // A spreadsheet runs a field that begins like a formula; ids and reasons come from outside. A tab in front keeps it text.
        bool formula = text[0] is '=' or '@'
            || (text[0] is '+' or '-' && !double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _));
        if (formula) text = "\t" + text;
        return text.AsSpan().IndexOfAny(",\"\r\n\t") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
    }
}
