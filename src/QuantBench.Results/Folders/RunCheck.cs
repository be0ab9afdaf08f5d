using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;

namespace QuantBench.Results.Folders;

/// <summary>
/// What must be so of a run's records before anything relies on them. JSON fits a record's shape with nulls where the shape has none, and
/// with figures that no machine gives: <see cref="Fault(RunInfo)"/> is asked of everything that is read, <see cref="Doubt(RunInfo)"/> as
/// well of what comes from elsewhere.
/// </summary>
internal static class RunCheck
{
    /// <summary>The largest figure that is believed: its square is finite, so nothing computed from it overflows.</summary>
    public const double Largest = 1e150;

    private const int LongestLine = 4096;
    private const int LongestText = 16 << 20;
    private const int MostEntries = 10_000;
    private const double MostSeconds = 1e9;

    // A machine without a clock of its own starts in 1970.
    private static readonly long s_last = new DateTimeOffset(2200, 1, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds();

    /// <summary>What a description lacks; null when nothing.</summary>
    public static string? Fault(RunInfo info)
    {
        if (info.Suite is null || info.SuiteText is null || info.SuiteDirectory is null || info.SuiteSha256 is null)
            return "its suite is missing";
        if (info.Tags.IsDefault || info.Tags.Contains(null!)) return "its tags aren't a list of texts";
        if (info.Only.IsDefault || info.Only.Contains(null!)) return "its patterns (only) aren't a list of texts";
        if (info.Fingerprint is not { } print) return "its fingerprint is missing";
        if (print.MachineId is null || print.Host is null || print.Cpu is null || print.Os is null || print.Runtime is null
            || print.QuantBench is null) return "its fingerprint isn't whole";
        if (print.CpuFlags.IsDefault || print.CpuFlags.Contains(null!) || print.Gpus.IsDefault || print.Gpus.Contains(null!))
            return "its fingerprint's lists hold something else than texts";
        if (!IsWhole(print.Engines) || !IsWhole(print.Datasets) || !IsWhole(print.Models))
            return "its fingerprint's engines, datasets or models are missing";
        if (!Enum.IsDefined(info.Status)) return "its status isn't one there is";
        if (!IsTime(info.Started)) return $"it started in the year {info.Started.UtcDateTime.Year}";
        return info.Finished is { } end && !IsTime(end) ? $"it finished in the year {end.UtcDateTime.Year}" : null;
    }

    /// <summary>What a result lacks; null when nothing.</summary>
    public static string? Fault(CellResult result)
    {
        Cell cell = result.Cell;
        if (cell.Model is null || cell.Variant is null || cell.Backend.Engine is null || cell.Workload is null || cell.Settings is null)
            return "its cell isn't whole";
        if (Unfit(cell.Settings) is { } setting) return $"the setting {setting} of its cell has a value of another kind";
        if (!Enum.IsDefined(result.Status) || (result.Failure is { } failure && !Enum.IsDefined(failure)))
            return "its status or failure isn't one there is";
        if (!IsTime(result.Started)) return $"it started in the year {result.Started.UtcDateTime.Year}";
        if (result.Notes is { } notes && (notes.IsDefault || notes.Contains(null!))) return "its notes aren't a list of texts";
        if (!IsWhole(result.Provenance) || result.Conditions is null) return "its provenance or conditions are missing";
        foreach (Measurement? m in result.Metrics)
        {
            if (m?.Name is null || m.Unit is null) return "a measurement has no name or unit";
            if (!Enum.IsDefined(m.Direction)) return $"the direction of {m.Name} isn't one there is";
            if (m.Timing is { } timing && !IsWhole(timing)) return $"the launches of {m.Name} aren't whole";
            if (m.Ci95 is { Length: not 2 }) return $"the interval of {m.Name} isn't two numbers";
            if (m.Notes is { } marks && (marks.IsDefault || marks.Contains(null!))) return $"the notes of {m.Name} aren't a list of texts";
        }

        return null;
    }

    /// <summary>Whether settings that are known have values of their kinds, as everything that asks for one expects.</summary>
    public static bool AreFit(CellSettings settings) => Unfit(settings) is null;

    private static string? Unfit(CellSettings settings)
    {
        foreach ((string key, object value) in settings)
        {
            bool fits = SettingTable.Find(key)?.Kind switch
            {
                SettingKind.Integer => value is long,
                SettingKind.Number => value is long or double,
                SettingKind.Flag => value is bool,
                SettingKind.Text => value is string,
                _ => true,
            };
            if (!fits) return key;
        }

        if (settings.Text("reference") is not "" && !Variant.TryParse(settings.Text("reference"), out _)) return "reference";
        return settings.Text("reference_backend") is not "" && !BackendId.TryParse(settings.Text("reference_backend"), out _)
            ? "reference_backend" : null;
    }

    /// <summary>What isn't plausible in a description from elsewhere; null when everything is.</summary>
    public static string? Doubt(RunInfo info)
    {
        Fingerprint f = info.Fingerprint;
        if (!AreLines(info.Suite, info.SuiteDirectory, info.SuiteSha256, f.MachineId, f.Host, f.Cpu, f.Governor, f.Virtualization, f.Os,
            f.Kernel, f.Runtime, f.QuantBench, f.GitCommit) || !AreLines([.. info.Tags, .. info.Only, .. f.CpuFlags, .. f.Gpus])
            || !AreLines([.. f.Engines.Keys, .. f.Engines.Values, .. f.Datasets.Keys, .. f.Datasets.Values])
            || !AreLines([.. f.Models.Keys, .. f.Models.Values])) return "a name in it holds control characters or is too long";
        if (info.Tags.Length > MostEntries || info.Only.Length > MostEntries) return "it has more tags or patterns than anybody reads";
        if (info.Suite.Length == 0 || f.MachineId.Length == 0) return "its suite or machine has no name";
        if (info.SuiteText.Length > LongestText) return $"its suite's text has {info.SuiteText.Length} characters";
        if (info.Finished < info.Started) return "it finished before it started";
        if (info.CellCount is < 0 or > 1_000_000) return $"it has {info.CellCount} cells";
        if (info.Threads is < 1 or > 1_000_000 || f.LogicalCores is < 0 or > 1_000_000 || f.PhysicalCores is < 0 or > 1_000_000)
            return "its threads or cores aren't a plausible number";
        if (f.MemoryBytes is < 0 or > 1L << 60 || f.MemoryLimitBytes is < 0) return "its memory isn't a plausible number";
        if (f.CpuLimit is { } limit && !IsPlausible(limit)) return "its CPU limit isn't a plausible number";
        return f.MemoryBandwidth is { } b
            && !(IsPlausible(b.ReadBytesPerSecond) && IsPlausible(b.CopyBytesPerSecond) && IsPlausible(b.TriadBytesPerSecond))
            ? "its memory bandwidth isn't a plausible number" : null;
    }

    /// <summary>What isn't plausible in a result from elsewhere; null when everything is.</summary>
    public static string? Doubt(CellResult result)
    {
        if (!AreLines(result.Cell.Model, result.Cell.Backend.Engine, result.Cell.Backend.Device, result.Cell.Workload)
            || !AreLines([.. result.Provenance.Keys]) || !AreLines([.. result.Conditions.Keys])
            || !AreLines([.. result.Cell.Settings.Select(s => s.Key), .. result.Cell.Settings.Select(s => s.Value as string)]))
            return "a name in it holds control characters or is too long";
        if (result.Reason?.Length > LongestText || result.Metrics.Length > MostEntries) return "it is too long";
        if (result.Status != CellStatus.Ok && !result.Metrics.IsEmpty) return "it holds figures though it didn't end well";
        if (!(result.Seconds is >= 0 and <= MostSeconds)) return $"it took {result.Seconds:R} s";
        if (result.Conditions.Any(c => !IsPlausible(c.Value))) return "its conditions hold a figure that isn't plausible";
        if (result.Cell.Settings.Any(s => s.Value is double number && !IsPlausible(number)))
            return "its settings hold a figure that isn't plausible";
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (Measurement m in result.Metrics)
        {
            if (!AreLines(m.Name, m.Unit, m.Protocol)) return "a measurement's name holds control characters or is too long";
            if (!names.Add(m.Name)) return $"it holds {m.Name} twice";
            if (!IsPlausible(m)) return $"{m.Name} holds a figure that isn't plausible";
            if (MetricTable.Find(m.Name) is { } known && Unlike(m, known) is { } why) return why;
        }

        return null;
    }

    /// <summary>A result without figures that would overflow whatever is computed from them.</summary>
    public static CellResult Readable(CellResult result)
    {
        double seconds = Readable(result.Seconds);
        ImmutableArray<Measurement> metrics = result.Metrics;
        for (int i = 0; i < metrics.Length; i++)
        {
            if (Readable(metrics[i]) is var m && !ReferenceEquals(m, metrics[i])) metrics = metrics.SetItem(i, m);
        }

        return seconds.Equals(result.Seconds) && metrics == result.Metrics ? result
            : result with { Seconds = seconds, Metrics = metrics };
    }

    /// <summary>A measurement without figures that would overflow whatever is computed from them; the mark says so.</summary>
    public static Measurement Readable(Measurement m)
    {
        if (!Figures(m).Any(Overflows) && m.Samples?.Any(s => Overflows(s)) != true
            && m.Timing?.LaunchValues.Any(v => Overflows(v)) != true) return m;
        const string mark = "figures beyond every plausible range were left out";
        return new Measurement
        {
            Name = m.Name,
            Unit = m.Unit,
            Direction = m.Direction,
            Value = Overflows(m.Value) ? double.NaN : m.Value,
            Protocol = m.Protocol,
            Notes = [.. m.Notes ?? [], mark],
        };

        // NaN and infinity are what an engine may really have given; what shows figures knows them.
        static bool Overflows(double? value) => value is { } v && double.IsFinite(v) && Math.Abs(v) > Largest;
    }

    /// <summary>Whether the facts of a timing have what everything that reads them expects.</summary>
    public static bool IsWhole(TimingFacts timing) => timing.LaunchValues is not null && timing.LaunchSamples is not null
        && (timing.Mark is not { } mark || Enum.IsDefined(mark));

    /// <summary>Whether a run can have happened then.</summary>
    /// <param name="milliseconds">Since 1970 UTC.</param>
    public static bool IsTime(long milliseconds) => milliseconds >= 0 && milliseconds < s_last;

    /// <summary>A duration that can be added up.</summary>
    public static double Readable(double seconds) => seconds is >= 0 and <= MostSeconds ? seconds : 0;

    // Pages and comparisons go by the table's unit, whatever stands in the record.
    private static string? Unlike(Measurement m, MetricDefinition known)
    {
        if (m.Unit != known.Unit) return $"{m.Name} is in {m.Unit}, not in {known.Unit}";
        bool hasSign = known.Kind == MetricKind.Quality && known != MetricTable.Perplexity;
        return !hasSign && (m.Samples?.Any(s => s < 0) == true || new[] { m.Value, m.Mean, m.Median, m.Min, m.Max }.Any(v => v < 0))
            ? $"{m.Name} is below 0" : null;
    }

    private static bool IsPlausible(Measurement m) =>
        Figures(m).All(v => v is not { } number || IsPlausible(number)) && m.Samples?.All(IsPlausible) != false
        && !(m.Min > m.Max) && m.N is null or >= 0 and <= 1L << 50 && m.StandardDeviation is not < 0 && m.Error is not < 0
        && (m.Ci95 is not [double low, double high] || low <= high) && (m.Timing is not { } timing || IsPlausible(timing, m.Samples));

    private static bool IsPlausible(TimingFacts timing, double[]? samples) =>
        timing.LaunchValues.All(IsPlausible) && timing.LaunchValues.Length <= timing.LaunchSamples.Length
        && timing.LaunchSamples.All(n => n >= 0)
        && (samples is null || timing.LaunchSamples.Length == 0 || timing.LaunchSamples.Sum(n => (long)n) == samples.Length)
        && timing.DisturbedSamples?.All(i => i >= 0 && (samples is null || i < samples.Length)) != false;

    private static IEnumerable<double?> Figures(Measurement m) =>
        [m.Value, m.Error, m.Mean, m.StandardDeviation, m.Median, m.Min, m.Max, m.P90, m.P95, m.P99, m.Ci95?[0], m.Ci95?[1]];

    private static bool IsPlausible(double value) => Math.Abs(value) <= Largest; // false for NaN

    private static bool IsTime(DateTimeOffset time) => IsTime(time.ToUnixTimeMilliseconds());

    private static bool IsWhole(ImmutableSortedDictionary<string, string>? map) => map is not null && !map.ContainsValue(null!);

    private static bool AreLines(params ReadOnlySpan<string?> texts)
    {
        foreach (string? text in texts)
        {
            if (text is not null && (text.Length > LongestLine || text.Any(c => char.IsControl(c) || IsTurning(c)))) return false;
        }

        return true;
    }

    // Characters that make what follows read backwards: a name could show as another.
    private static bool IsTurning(char c) => c is >= '\u202A' and <= '\u202E' or >= '\u2066' and <= '\u2069';
}
