using System.Diagnostics.CodeAnalysis;
using Cronos;

namespace QuantBench.Core.Suites;

/// <summary>
/// Times given by a cron expression of five fields (minute hour day month weekday), or six with seconds first, in a time zone. Where a
/// daylight-saving change skips or doubles a local time, it comes once.
/// </summary>
public sealed class CronTimes
{
    private static readonly DateTime s_anyDay = new(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    private readonly CronExpression _expression;

    private CronTimes(string text, TimeZoneInfo zone, CronExpression expression) => (Text, Zone, _expression) = (text, zone, expression);

    /// <summary>The expression as given.</summary>
    public string Text { get; }

    /// <summary>The time zone.</summary>
    public TimeZoneInfo Zone { get; }

    /// <summary>Reads an expression and a time zone.</summary>
    /// <param name="text">E.g. <c>30 2 * * *</c>: every day at half past two.</param>
    /// <param name="zone">IANA id, e.g. <c>Europe/Berlin</c>; null or empty = UTC.</param>
    /// <param name="times">The times when true is returned.</param>
    /// <param name="problem">What is wrong when false is returned.</param>
    /// <param name="mustCome">Whether times that never come are wrong.</param>
    public static bool TryParse(string text, string? zone, [NotNullWhen(true)] out CronTimes? times,
        [NotNullWhen(false)] out string? problem, bool mustCome = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        (times, problem) = (null, null);
        TimeZoneInfo? found = TimeZoneInfo.Utc;
        if (zone is { Length: > 0 } && !string.Equals(zone, "UTC", StringComparison.OrdinalIgnoreCase)
            && !TimeZoneInfo.TryFindSystemTimeZoneById(zone, out found))
        {
            problem = $"there is no time zone '{zone}' on this machine";
            return false;
        }

        string[] fields = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        try
        {
            CronExpression expression = CronExpression.Parse(text, fields.Length == 6 ? CronFormat.IncludeSeconds : CronFormat.Standard);
            // Any day will do to begin with: what comes in no year at all is meant here, e.g. the 30th of February.
            if (mustCome && expression.GetNextOccurrence(s_anyDay, found) is null)
            {
                problem = $"'{text}' never comes: there is no such day";
                return false;
            }

            times = new CronTimes(text, found, expression);
            return true;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The library's own faults on broken text, e.g. a hash of another scheduler; the user sees a broken expression either way.
            problem = $"'{text}' is not a cron expression: {e.Message.TrimEnd('.')}";
            return false;
        }
    }

    /// <summary>The first time after an instant; null when there is none.</summary>
    /// <param name="after">The instant; itself excluded.</param>
    public DateTimeOffset? Next(DateTimeOffset after) =>
        _expression.GetNextOccurrence(after.UtcDateTime, Zone) is { } next ? new DateTimeOffset(next, TimeSpan.Zero) : null;

    /// <summary>The times in (from, to], oldest first, at most a number of them counted from the newest end.</summary>
    /// <param name="from">Start; itself excluded.</param>
    /// <param name="to">End; itself included.</param>
    /// <param name="most">Largest number returned; older ones are left out.</param>
    public IReadOnlyList<DateTimeOffset> Between(DateTimeOffset from, DateTimeOffset to, int most)
    {
        var kept = new Queue<DateTimeOffset>();
        for (DateTimeOffset? at = Next(from); at is { } time && time <= to; at = Next(time))
        {
            kept.Enqueue(time);
            if (kept.Count > most) kept.Dequeue();
        }

        return [.. kept];
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Text} ({Zone.Id})";
}
