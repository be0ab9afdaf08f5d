using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Results.Folders;

namespace QuantBench.Results.Store;

/// <summary>Turns the store's rows back into the records they came from.</summary>
internal static class RowReading
{
    private const string Unreadable = "its record in the store can't be read";

    /// <summary>A cell; null when it names a variant or backend this program doesn't know.</summary>
    /// <param name="row">The cell's row.</param>
    /// <param name="metrics">What it measured.</param>
    public static CellResult? Cell(CellRow row, ImmutableArray<Measurement> metrics)
    {
        ArgumentNullException.ThrowIfNull(row);
        if (!Variant.TryParse(row.Variant, out Variant? variant) || variant is null
            || !BackendId.TryParse(row.Backend, out BackendId backend)) return null;
        if (!TryRead(row.Settings, out CellSettings? settings) || !RunCheck.AreFit(settings)) return null;
        if (!TryRead(row.Details ?? "{}", out Details? details)) details = new Details { Notes = [Unreadable] };
        bool known = TryRead($"\"{row.Status}\"", out CellStatus status) && Enum.IsDefined(status);
        _ = TryRead($"\"{row.Failure}\"", out FailureKind failure);
        var cell = new Cell(row.Model, variant, backend, row.Workload, settings);
        return new CellResult
        {
            Cell = cell,
            Status = known ? status : CellStatus.Failed,
            Reason = known ? row.Reason : Unreadable,
            Failure = row.Failure is null ? null : failure,
            Started = Time(row.StartedMs),
            Seconds = RunCheck.Readable(row.Seconds),
            Notes = details.Notes.IsDefaultOrEmpty ? null : details.Notes,
            Provenance = details.Provenance ?? ImmutableSortedDictionary<string, string>.Empty,
            Conditions = details.Conditions ?? ImmutableSortedDictionary<string, double>.Empty,
            Metrics = metrics,
        };
    }

    /// <summary>A measurement.</summary>
    /// <param name="row">Its row.</param>
    /// <param name="samples">Its raw samples; null when there are none.</param>
    public static Measurement Measurement(MeasurementRow row, double[]? samples = null)
    {
        ArgumentNullException.ThrowIfNull(row);
        return RunCheck.Readable(new Measurement
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
            Notes = row.Notes is null ? null : TryRead(row.Notes, out ImmutableArray<string> notes) ? notes : [Unreadable],
            Timing = Timing(row.Timing),
            Samples = samples,
        });
    }

    /// <summary>A run. Nothing that a row holds keeps the others from being shown: one whose description can't be used is named by its
    /// columns, with a tag that says so.</summary>
    /// <param name="row">Its row.</param>
    public static RunInfo Run(RunRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        if (TryRead(row.Info, out RunInfo? info) && info.Id == row.Id && RunCheck.Fault(info) is null) return info;
        bool known = TryRead($"\"{row.Status}\"", out RunStatus status) && Enum.IsDefined(status);
        return new RunInfo
        {
            Id = row.Id,
            Suite = row.Suite,
            SuiteText = "",
            SuiteDirectory = ".",
            SuiteSha256 = row.SuiteSha256,
            Started = Time(row.StartedMs),
            Finished = row.FinishedMs is { } end ? Time(end) : null,
            Status = known ? status : RunStatus.Interrupted,
            CellCount = row.CellCount,
            Fingerprint = new Fingerprint
            {
                MachineId = row.MachineId,
                Host = row.Host,
                Cpu = row.Cpu,
                CpuFlags = [],
                LogicalCores = 0,
                MemoryBytes = 0,
                Os = "",
                Runtime = "",
                QuantBench = "",
            },
            Tags = [Unreadable],
        };
    }

    /// <summary>A time; one that no run can have is the first there is.</summary>
    /// <param name="milliseconds">Since 1970 UTC.</param>
    public static DateTimeOffset Time(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(Milliseconds(milliseconds));

    /// <inheritdoc cref="Time"/>
    public static long Milliseconds(long milliseconds) => RunCheck.IsTime(milliseconds) ? milliseconds : 0;

    /// <summary>What the store knows of a timing's launches; null when it knows nothing.</summary>
    /// <param name="json">The column.</param>
    public static TimingFacts? Timing(string? json) =>
        json is not null && TryRead(json, out TimingFacts? timing) && RunCheck.IsWhole(timing) ? timing : null;

    /// <summary>Reads a column's JSON; false for a text that isn't what it should be.</summary>
    public static bool TryRead<T>(string json, [NotNullWhen(true)] out T? value)
    {
        try
        {
            value = JsonSerializer.Deserialize<T>(json, Json.Line);
            return value is not null;
        }
        catch (Exception e) when (CellLines.IsOfJson(e))
        {
            value = default;
            return false;
        }
    }

    private sealed record Details
    {
        public ImmutableArray<string> Notes { get; init; } = [];

        public ImmutableSortedDictionary<string, string> Provenance { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

        public ImmutableSortedDictionary<string, double> Conditions { get; init; } = ImmutableSortedDictionary<string, double>.Empty;
    }
}
