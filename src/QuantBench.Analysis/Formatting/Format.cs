using System.Globalization;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using QuantBench.Core.Variants;

namespace QuantBench.Analysis.Formatting;

/// <summary>
/// How figures are written, the same on the terminal, in reports and on pages. Digits follow the error; a true minus; thin spaces group
/// thousands; a non-breaking space before a unit.
/// </summary>
public static class Format
{
    /// <summary>What stands where there is no figure; its reason is one step away.</summary>
    public const string Missing = "–";

    private const int LargestDecimals = 7; // longer runs of zeros are misread
    private const double Billion = 1e9;
    private const char Minus = '−';
    private const char ThinSpace = '\u2009';
    private const char UnitSpace = '\u00a0';

    /// <summary>A number with a fixed count of decimals, thousands grouped.</summary>
    public static string Fixed(double value, int decimals)
    {
        if (double.IsNaN(value)) return Missing;
        if (double.IsInfinity(value)) return value > 0 ? "∞" : $"{Minus}∞";
        string text = Math.Abs(value).ToString("N" + Math.Clamp(decimals, 0, 15), CultureInfo.InvariantCulture).Replace(',', ThinSpace);
        bool zero = text.All(c => c is '0' or '.');
        return value < 0 && !zero ? Minus + text : text;
    }

    /// <summary>A number of which no error is known: significant digits, 3 unless told otherwise.</summary>
    public static string Number(double value, int significant = 3) => Fixed(value, DecimalsFor(value, significant));

    /// <summary>A whole number, thousands grouped.</summary>
    public static string Count(long value) => Fixed(value, 0);

    /// <summary>Value ± error: error to 2 significant digits if its first is 1 or 2, else 1; value to the same place.</summary>
    /// <param name="value">The estimate.</param>
    /// <param name="error">Its standard error; null or 0: 4 significant digits and no ±.</param>
    /// <param name="leastDecimals">Decimals to show even where the error doesn't justify them, as differences of paired figures
    /// may.</param>
    public static string WithError(double value, double? error, int leastDecimals = 0)
    {
        if (error is not { } e || !double.IsFinite(e) || e <= 0 || !double.IsFinite(value)) return Number(value, 4);
        int decimals = Math.Max(DecimalsForError(e), leastDecimals);
        if (decimals > LargestDecimals && value != 0)
        {
            int exponent = (int)Math.Floor(Math.Log10(Math.Max(Math.Abs(value), e)));
            double scale = Math.Pow(10, exponent);
            return $"({Fixed(value / scale, decimals + exponent)} ± {Fixed(e / scale, decimals + exponent)})e{Fixed(exponent, 0)}";
        }

        return $"{Fixed(value, decimals)} ± {Fixed(e, decimals)}";
    }

    /// <summary>A value printed to the place its interval's half-width justifies, without the interval.</summary>
    /// <param name="value">The estimate.</param>
    /// <param name="ci95">[low, high], or null.</param>
    public static string WithinInterval(double value, double[]? ci95) =>
        ci95 is [double low, double high] && high > low && double.IsFinite(high - low)
            ? Fixed(value, Math.Min(DecimalsForError((high - low) / 2), DecimalsFor(value, 5)))
            : Number(value);

    /// <summary>An interval, <c>117.9–118.7</c>; with <c>to</c> between when an end is negative.</summary>
    public static string Interval(double low, double high)
    {
        int decimals = high > low ? DecimalsForError((high - low) / 2) : DecimalsFor(low, 3);
        string join = low < 0 || high < 0 ? " to " : "–";
        return Fixed(low, decimals) + join + Fixed(high, decimals);
    }

    /// <summary>Bytes in binary units, <c>3.61 MiB</c>, or in decimal ones where <see cref="ByteUnits"/> says so.</summary>
    public static string Bytes(double bytes)
    {
        int unit = 0;
        double value = bytes;
        while (Math.Abs(value) >= ByteUnits.Step && unit < ByteUnits.Names.Length - 1)
        {
            value /= ByteUnits.Step;
            unit++;
        }

        return (unit == 0 ? Fixed(value, 0) : Number(value)) + UnitSpace + ByteUnits.Names[unit];
    }

    /// <summary>A share as per cent: <c>94.0 %</c>.</summary>
    /// <param name="share">0 to 1.</param>
    /// <param name="error">Its standard error, or null.</param>
    public static string Share(double share, double? error = null) =>
        (error is > 0 ? WithError(share * 100, error * 100) : Fixed(share * 100, 1)) + UnitSpace + "%";

    /// <summary>A relative difference with its sign: <c>+1.6 %</c>, <c>−5.3 %</c>; from twice on as a ratio, <c>×2.3</c>.</summary>
    /// <param name="difference">Relative difference; 0.05 is +5 %.</param>
    /// <param name="error">Its standard error, or null.</param>
    public static string Change(double difference, double? error = null)
    {
        if (double.IsNaN(difference)) return Missing;
        if (difference >= 1) return "×" + Number(1 + difference);
        double percent = difference * 100;
        string sign = percent > 0 ? "+" : "";
        if (error is > 0)
        {
            int decimals = Math.Min(DecimalsForError(error.Value * 100), 4);
            return $"{Signed(percent, decimals)} ± {Fixed(error.Value * 100, decimals)}{UnitSpace}%";
        }

        return percent == 0 ? "0" + UnitSpace + "%"
            : sign + Fixed(percent, Math.Abs(percent) >= 10 ? 0 : Math.Abs(percent) >= 1 ? 1 : 2) + UnitSpace + "%";
    }

    /// <summary>An interval of relative differences, <c>−6.0 to −4.6 %</c>; from twice on as ratios, <c>×2.1 to ×2.3</c>.</summary>
    public static string ChangeInterval(Interval interval)
    {
        if (interval.Low >= 1) return $"×{Number(1 + interval.Low)} to ×{Number(1 + interval.High)}";
        double half = interval.HalfWidth * 100;
        int decimals = half > 0 && double.IsFinite(half) ? Math.Min(DecimalsForError(half), 4) : 2;
        return $"{Signed(interval.Low * 100, decimals)} to {Signed(interval.High * 100, decimals)}{UnitSpace}%";
    }

    /// <summary>Milliseconds; from 10 s on as seconds.</summary>
    public static string Milliseconds(double ms) =>
        Math.Abs(ms) >= 10_000 ? Number(ms / 1000) + UnitSpace + "s" : Number(ms) + UnitSpace + "ms";

    /// <summary>A length of time for people: <c>3.2 s</c>, <c>4 min 10 s</c>, <c>2 h 5 min</c>.</summary>
    public static string Duration(TimeSpan time) => time switch
    {
        { TotalSeconds: < 60 } => $"{Fixed(time.TotalSeconds, 1)}{UnitSpace}s",
        { TotalMinutes: < 60 } => $"{time.Minutes}{UnitSpace}min {time.Seconds}{UnitSpace}s",
        _ => $"{(long)time.TotalHours}{UnitSpace}h {time.Minutes}{UnitSpace}min",
    };

    /// <summary>A point in time, UTC to the second.</summary>
    public static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture);

    /// <summary>The precision class in a word.</summary>
    public static string Class(PrecisionClass precision) => precision switch
    {
        PrecisionClass.UltraLow => "ultra-low",
        PrecisionClass.Low => "low",
        PrecisionClass.Medium => "medium",
        _ => "full",
    };

    /// <summary>A measurement's figure with its error or to the digits of its interval, its unit and its mark.</summary>
    public static string Value(Measurement measurement)
    {
        ArgumentNullException.ThrowIfNull(measurement);
        bool isShare = MetricTable.Find(measurement.Name) is { IsShare: true };
        return MarkText.With(Value(measurement.Value, measurement.Unit, isShare, measurement.Error, measurement.Ci95), measurement.Mark);
    }

    /// <summary>Bytes or operations per second in billions, as vendors and STREAM give them: decimal, not binary.</summary>
    /// <param name="value">Per second.</param>
    /// <param name="ci95">Interval, or null.</param>
    public static string Billions(double value, double[]? ci95 = null) =>
        ci95 is [double low, double high] ? WithinInterval(value / Billion, [low / Billion, high / Billion]) : Number(value / Billion);

    /// <summary>A figure of a metric with its unit.</summary>
    /// <param name="value">The figure.</param>
    /// <param name="metric">The metric; shares print as per cent.</param>
    /// <param name="error">Standard error, or null.</param>
    /// <param name="ci95">Interval of a timing, or null.</param>
    public static string Value(double value, MetricDefinition metric, double? error = null, double[]? ci95 = null)
    {
        ArgumentNullException.ThrowIfNull(metric);
        return Value(value, metric.Unit, metric.IsShare, error, ci95);
    }

    private static string Value(double value, string unit, bool isShare, double? error, double[]? ci95)
    {
        if (double.IsNaN(value)) return Missing;
        if (isShare) return Share(value, error);
        if (unit is "B/s" or "FLOP/s") return Billions(value, ci95) + UnitSpace + "G" + unit;
        if (unit == "B") return Bytes(value);
        string figure = error is not null || ci95 is null ? WithError(value, error) : WithinInterval(value, ci95);
        if (unit == "ms" && Math.Abs(value) >= 10_000) return Milliseconds(value);
        return unit == "1" ? figure : figure + UnitSpace + unit;
    }

    private static string Signed(double value, int decimals)
    {
        string text = Fixed(value, decimals);
        return value > 0 && text.Any(c => c is >= '1' and <= '9') ? "+" + text : text;
    }

    private static int DecimalsFor(double value, int significant)
    {
        if (value == 0 || !double.IsFinite(value)) return 0;
        int magnitude = (int)Math.Floor(Math.Log10(Math.Abs(value)));
        return Math.Clamp(significant - 1 - magnitude, 0, 12);
    }

    private static int DecimalsForError(double error)
    {
        int magnitude = (int)Math.Floor(Math.Log10(error));
        int first = (int)(error / Math.Pow(10, magnitude));
        return Math.Clamp((first <= 2 ? 1 : 0) - magnitude, 0, 12);
    }
}
