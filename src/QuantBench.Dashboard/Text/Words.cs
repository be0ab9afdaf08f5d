using System.Globalization;
using QuantBench.Analysis.Compare;
using QuantBench.Analysis.Formatting;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;
using QuantBench.Core.Statistics;
using QuantBench.Core.Variants;
using QuantBench.Dashboard.Runs;
using QuantBench.Lab.Queue;

namespace QuantBench.Dashboard.Text;

/// <summary>Words that pages share; figures are <see cref="Format"/>'s.</summary>
public static class Words
{
    /// <summary>A time as pages print it: <c>12 min ago</c> within a day, then <c>20 Nov 22:10</c>, with the year when it is another
    /// one.</summary>
    /// <param name="time">The time.</param>
    /// <param name="now">Now.</param>
    public static string Relative(DateTimeOffset time, DateTimeOffset now)
    {
        TimeSpan ago = now - time;
        if (ago >= TimeSpan.Zero)
        {
            if (ago < TimeSpan.FromSeconds(60)) return "just now";
            if (ago < TimeSpan.FromMinutes(60)) return $"{(int)ago.TotalMinutes}\u00a0min ago";
            if (ago < TimeSpan.FromHours(24))
                return ago.Minutes == 0 ? $"{(int)ago.TotalHours}\u00a0h ago" : $"{(int)ago.TotalHours}\u00a0h {ago.Minutes}\u00a0min ago";
        }
        else if (ago > TimeSpan.FromHours(-24))
        {
            return ago > TimeSpan.FromMinutes(-60) ? $"in {Math.Max(1, (int)-ago.TotalMinutes)}\u00a0min"
                : $"in {(int)-ago.TotalHours}\u00a0h {-ago.Minutes}\u00a0min";
        }

        return time.UtcDateTime.ToString(time.Year == now.Year ? "d MMM HH:mm" : "d MMM yyyy HH:mm", CultureInfo.InvariantCulture);
    }

    /// <summary>A time in full, for titles and tables.</summary>
    public static string Full(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>The first eight characters of a hash.</summary>
    public static string Short(string? hash) => hash is { Length: > 8 } ? hash[..8] : hash ?? "";

    /// <summary>What made an artifact, without what a library tells of its processor: that fills lines, and titles and chains have it
    /// whole.</summary>
    public static string? Brief(string? builder) =>
        builder?.IndexOf(" CPU :", StringComparison.Ordinal) is int cut and > 0
            ? builder[..cut] + (builder[..cut].Count(c => c == '(') > builder[..cut].Count(c => c == ')') ? ")" : "") : builder;

    /// <summary>A count with its noun.</summary>
    public static string Count(long count, string one, string many) => $"{Format.Count(count)} {(count == 1 ? one : many)}";

    /// <summary>How a run stands.</summary>
    public static string State(RunState state) => state switch
    {
        RunState.Running => "running",
        RunState.Completed => "completed",
        RunState.Stopped => "stopped",
        _ => "runner died",
    };

    /// <summary>Class of a run's mark.</summary>
    public static string StateClass(RunState state) => state switch
    {
        RunState.Running => "run",
        RunState.Completed => "ok",
        RunState.Stopped => "can",
        _ => "stale",
    };

    /// <summary>How a cell ended.</summary>
    public static string State(CellStatus status) => status.ToString().ToLowerInvariant();

    /// <summary>Class of a cell's mark.</summary>
    public static string StateClass(CellStatus status) => status switch
    {
        CellStatus.Ok => "ok",
        CellStatus.Failed => "fail",
        CellStatus.Unsupported => "uns",
        _ => "can",
    };

    /// <summary>Class of a queued run's mark.</summary>
    public static string StateClass(OccurrenceState state) => state switch
    {
        OccurrenceState.Done => "ok",
        OccurrenceState.Running => "run",
        OccurrenceState.Failed => "fail",
        OccurrenceState.Missed => "stale",
        OccurrenceState.Cancelled => "can",
        _ => "",
    };

    /// <summary>A precision class with its bits, as group heads print it.</summary>
    public static string Class(PrecisionClass precision) => precision switch
    {
        PrecisionClass.UltraLow => "ultra-low, 1–2 bit",
        PrecisionClass.Low => "low, 3–4 bit",
        PrecisionClass.Medium => "medium, 5–8 bit",
        _ => "full, 16–32 bit",
    };

    /// <summary>A figure without its unit, to the digits its error or interval justifies.</summary>
    public static string Bare(Measurement m)
    {
        ArgumentNullException.ThrowIfNull(m);
        if (double.IsNaN(m.Value)) return "unavailable";
        double factor = Factor(m);
        double[]? ends = m.Error is { } e and > 0 ? [m.Value - e, m.Value + e] : m.Ci95;
        return Format.WithinInterval(m.Value * factor, ends is [double low, double high] ? [low * factor, high * factor] : null);
    }

    /// <summary>A difference as tables print it; shares differ in percentage points, <c>+4.42 pp</c>.</summary>
    public static string Difference(MetricComparison row)
    {
        ArgumentNullException.ThrowIfNull(row);
        if (Points(row) is { } points) return Signed(points) + "\u00a0pp";
        return row.Absolute ? ComparisonText.Difference(row) : row.Difference is { } d ? Format.Change(d) : Format.Missing;
    }

    /// <summary>The interval of a difference; empty when it is in <see cref="Difference"/> or there is none, <c>exact</c> for
    /// sizes.</summary>
    public static string Ends(MetricComparison row)
    {
        ArgumentNullException.ThrowIfNull(row);
        if (row.Absolute) return "";
        if (row.Interval is not { } i)
            return row.Metric.Kind == MetricKind.Size && row.Note.StartsWith("exact", StringComparison.Ordinal) ? "exact" : "";
        return Points(row) is null ? Format.ChangeInterval(i)
            : $"{Format.Interval(i.Low * row.A.Value * 100, i.High * row.A.Value * 100)}\u00a0pp";
    }

    /// <summary>A metric's unit as heads print it.</summary>
    public static string Unit(MetricDefinition metric)
    {
        ArgumentNullException.ThrowIfNull(metric);
        return metric.IsShare ? "%" : metric.Unit is "1" ? "" : metric.Unit;
    }

    /// <summary>What is behind a figure: n, interval or error.</summary>
    public static string Basis(Measurement m)
    {
        ArgumentNullException.ThrowIfNull(m);
        string n = m.N is { } count ? $"n = {Format.Count(count)}" : "";
        if (m.Error is { } error and > 0)
            return Join($"± {Format.Number(error * Factor(m), 2)} standard error", n);
        if (m.Ci95 is [double low, double high] && m.N is null or >= MeasurementBuilder.LeastSamples)
            return Join((m.N is { } of ? $"median of {Format.Count(of)}" : "median")
                + (m.Launches > 1 ? $" in {m.Launches} processes" : ""),
                $"95 % interval {Format.Interval(low * Factor(m), high * Factor(m))}");
        return m.Unit is "B" or "bit" ? "exact" : Join(n, "no error known: a single figure");
    }

    /// <summary>A cell's workload with the settings that tell it apart.</summary>
    public static string Workload(Cell cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        string settings =
            string.Join(", ",
                cell.Settings.Where(s =>
                    s.Key is not ("threads" or "reference" or "time_cap" or "warmup_cap" or "target_ci" or "repetitions"))
                    .Select(s => $"{s.Key} {Value(s.Value)}"));
        return settings.Length > 0 ? $"{cell.Workload}, {settings}" : cell.Workload;
    }

    /// <summary>A setting's value.</summary>
    public static string Value(object value) =>
        value is bool flag ? flag ? "on" : "off" : Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";

    /// <summary>The settings of a cell, each with its value.</summary>
    public static IEnumerable<(string Key, string Value)> Settings(CellSettings settings) => settings.Select(s => (s.Key, Value(s.Value)));

    private static double? Points(MetricComparison row) =>
        row is { Metric: { IsShare: true, Kind: MetricKind.Quality }, Absolute: false, Difference: { } d } ? d * row.A.Value * 100 : null;

    private static string Signed(double value) => (value > 0 ? "+" : "") + Format.Fixed(value, Math.Abs(value) >= 10 ? 1 : 2);

    private static double Factor(Measurement m) => MetricTable.Find(m.Name) is { IsShare: true } ? 100 : 1;

    private static string Join(params ReadOnlySpan<string> parts)
    {
        var filled = new List<string>();
        foreach (string part in parts)
        {
            if (part.Length > 0) filled.Add(part);
        }

        return string.Join(", ", filled);
    }
}
