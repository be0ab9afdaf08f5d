using System.Globalization;
using QuantBench.Core.Cells;
using QuantBench.Core.Machine;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;

namespace QuantBench.Runner.Runs;

/// <summary>Times the yardstick before and after launches, and marks those between which the machine wasn't what it usually is.</summary>
/// <param name="measure">Times it.</param>
/// <param name="history">This machine's readings.</param>
/// <param name="clock">The clock.</param>
internal sealed class YardstickCheck(Func<YardstickReading> measure, YardstickHistory history, TimeProvider clock)
{
    // The reading after one launch is that before the next, when that follows at once.
    private static readonly TimeSpan s_fresh = TimeSpan.FromSeconds(1);

    private YardstickReading _before;
    private YardstickReading? _after;
    private long _afterAt;

    /// <summary>Call before a launch.</summary>
    public void Start() => _before = _after is { } known && clock.GetElapsedTime(_afterAt) < s_fresh ? known : measure();

    /// <summary>Call after it.</summary>
    /// <param name="result">What it measured.</param>
    /// <returns>The same with the readings, and with marks on its timings when they are odd.</returns>
    public CellResult End(CellResult result)
    {
        if (result.Status != CellStatus.Ok) return result;
        YardstickReading after = measure();
        (_after, _afterAt) = (after, clock.GetTimestamp());
        (YardstickReading reading, YardstickReading mean) = (_before.Slower(after), _before.Mean(after));
        string? odd = history.Odd(reading) ?? Changed([_before.Dot, after.Dot], "while this was measured");
        history.Add(reading);
        result = result with
        {
            Conditions = result.Conditions.SetItem(Yardstick.DotCondition, mean.Dot).SetItem(Yardstick.StreamCondition, mean.Stream),
        };
        return odd is null ? result : Marked(result, odd);
    }

    /// <summary>Marks a cell between whose launches the machine changed: neither speed is the cell's.</summary>
    /// <param name="merged">The cell.</param>
    /// <param name="launches">Its launches.</param>
    public static CellResult MarkIfChanged(CellResult merged, IEnumerable<CellResult> launches)
    {
        double[] speeds = [.. launches.Select(l => l.Conditions.GetValueOrDefault(Yardstick.DotCondition)).Where(speed => speed > 0)];
        return Changed(speeds, "between launches") is { } odd ? Marked(merged, odd) : merged;
    }

    private static string? Changed(double[] speeds, string when) =>
        speeds.Length > 1 && speeds.Max() > speeds.Min() * (1 + YardstickHistory.MostOffProducts)
            ? string.Create(CultureInfo.InvariantCulture,
                $"the yardstick (integer products) changed by {((speeds.Max() / speeds.Min()) - 1) * 100:0} % {when}")
            : null;

    private static CellResult Marked(CellResult result, string odd) => result with
    {
        Notes = [.. result.Notes ?? [], $"disturbed: {odd}"],
        Metrics = [.. result.Metrics.Select(m => MetricTable.Find(m.Name) is { Kind: MetricKind.Timing } && m.Samples is not null
            ? MeasurementBuilder.AsDisturbed(m, odd) : m)],
    };
}
