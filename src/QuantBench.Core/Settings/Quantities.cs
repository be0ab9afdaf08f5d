using System.Globalization;

namespace QuantBench.Core.Settings;

/// <summary>Durations and sizes as people write them in suites and on the command line.</summary>
public static class Quantities
{
    /// <summary>Longest duration that is accepted.</summary>
    public static readonly TimeSpan LongestDuration = TimeSpan.FromDays(30);

    private const int LongestText = 32;

    private static readonly (string Suffix,
        double Seconds)[] s_durations = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];

    private static readonly (string Suffix, double Bytes)[] s_sizes =
    [
        ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("TiB", 1L << 40),
        ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("B", 1),
    ];

    /// <summary>Reads <c>90s</c>, <c>5m</c>, <c>1.5h</c>, <c>250ms</c>, <c>2d</c>.</summary>
    /// <param name="text">A number and its unit without white space between them.</param>
    /// <param name="duration">Above zero and at most <see cref="LongestDuration"/> when true is returned.</param>
    public static bool TryParseDuration(string text, out TimeSpan duration)
    {
        duration = default;
        if (!TryParse(text, s_durations, StringComparison.Ordinal, out double seconds)) return false;
        if (!(seconds > 0) || seconds > LongestDuration.TotalSeconds) return false;
        duration = TimeSpan.FromSeconds(seconds);
        return duration > TimeSpan.Zero;
    }

    /// <summary>Reads <c>512MiB</c>, <c>4GiB</c>, <c>1.5GB</c>, <c>4096B</c>: KiB to TiB are powers of 1024, KB to TB of 1000.</summary>
    /// <param name="text">A number and its unit without white space between them; the unit's case doesn't matter.</param>
    /// <param name="bytes">At least 1 when true is returned.</param>
    public static bool TryParseSize(string text, out long bytes)
    {
        bytes = 0;
        if (!TryParse(text, s_sizes, StringComparison.OrdinalIgnoreCase, out double value)) return false;
        if (!(value >= 1) || value > 1L << 60) return false;
        bytes = (long)Math.Round(value);
        return true;
    }

    private static bool TryParse(string text, (string Suffix, double Factor)[] units, StringComparison comparison, out double value)
    {
        value = 0;
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length is 0 or > LongestText) return false;
        int digits = 0;
        while (digits < text.Length && (char.IsAsciiDigit(text[digits]) || text[digits] == '.')) digits++;
        string suffix = text[digits..];
        foreach ((string known, double factor) in units)
        {
            if (!suffix.Equals(known, comparison)) continue;
            if (!double.TryParse(text.AsSpan(0, digits), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number))
                return false;
            value = number * factor;
            return true;
        }

        return false;
    }
}
