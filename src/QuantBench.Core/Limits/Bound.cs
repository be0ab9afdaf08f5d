using System.Globalization;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;

namespace QuantBench.Core.Limits;

/// <summary>One limit of a metric.</summary>
/// <param name="Metric">The metric.</param>
/// <param name="IsMax">True: at most <paramref name="Limit"/>; false: at least.</param>
/// <param name="Limit">In the metric's unit; with <paramref name="Relative"/> a relative difference, 0.02 = +2 %.</param>
/// <param name="Relative">Whether the limit is on the difference from a base instead of the figure itself.</param>
public sealed record Bound(MetricSelector Metric, bool IsMax, double Limit, bool Relative)
{
    /// <summary>Reads <c>metric&lt;=limit</c> or <c>metric&gt;=limit</c>, e.g. <c>rss_peak&lt;=2GiB</c>, <c>tg_tps&gt;=20</c>,
    /// <c>ppl_rise&lt;=2%</c>.</summary>
    /// <param name="text">As a user writes it.</param>
    /// <param name="engines">Engines whose own settings may be named.</param>
    /// <exception cref="RequestException">It isn't such a limit.</exception>
    public static Bound Parse(string text, EngineCatalog? engines = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        int at = text.IndexOf("<=", StringComparison.Ordinal);
        bool isMax = at >= 0;
        if (!isMax) at = text.IndexOf(">=", StringComparison.Ordinal);
        if (at <= 0)
            throw new RequestException($"'{text}' isn't a limit.",
                "Write metric<=limit or metric>=limit, e.g. 'rss_peak<=2GiB' or 'tg_tps>=20'.");
        MetricSelector metric = MetricSelector.Parse(text[..at].Trim(), engines);
        if (Read(metric.Definition, text[(at + 2)..].Trim(), mayBeRelative: false, out double limit, out _) is { } problem)
            throw new RequestException($"'{text}': {problem}", Example(metric.Definition));
        return new Bound(metric, isMax, limit, false);
    }

    /// <summary>Reads a limit's value: with the metric's unit, as a bare number, or as per cent.</summary>
    /// <returns>What is wrong, or null.</returns>
    internal static string? Read(MetricDefinition metric, string text, bool mayBeRelative, out double limit, out bool relative)
    {
        (limit, relative) = (0, false);
        string value = text.Replace(" ", "", StringComparison.Ordinal).Replace('−', '-');
        if (value.EndsWith('%'))
        {
            if (!Number(value[..^1], out double percent)) return $"'{text}' isn't a percentage";
            limit = percent / 100;
            // Of what is held against the reference already, and of any share that can't be relative, per cent is the figure itself.
            if (metric.IsPercent && (!mayBeRelative || metric.OfReference is not null)) return null;
            if (!mayBeRelative) return $"a percentage of {metric.Name} needs something to be relative to";
            relative = true;
            return null;
        }

        if (Number(value, out limit)) return null;
        switch (metric.Unit)
        {
            case "B" when Quantities.TryParseSize(value, out long bytes):
                limit = bytes;
                return null;
            case "ms" when Quantities.TryParseDuration(value, out TimeSpan time):
                limit = time.TotalMilliseconds;
                return null;
            default:
                if (value.EndsWith(metric.Unit, StringComparison.Ordinal) && Number(value[..^metric.Unit.Length], out limit)) return null;
                if (metric.Unit == "token/s" && value.EndsWith("t/s", StringComparison.Ordinal) && Number(value[..^3], out limit))
                    return null;
                return $"'{text}' isn't a limit of {metric.Name}";
        }
    }

    /// <summary>How a limit of a metric is written.</summary>
    internal static string Example(MetricDefinition metric) => metric switch
    {
        { Unit: "B" } => "write a size, e.g. 512MiB or 2GiB",
        { Unit: "ms" } => "write a time, e.g. 50ms or 2s",
        { IsPercent: true } => "write a number or per cent, e.g. 0.02 or 2%",
        { Unit: "1" } => "write a number",
        _ => $"write a number in {metric.Unit}",
    };

    private static bool Number(string text, out double value) =>
        double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent,
            CultureInfo.InvariantCulture, out value) && double.IsFinite(value);
}
