using System.Globalization;

namespace QuantBench.Analysis.Plots;

/// <summary>An axis of time that several plots share.</summary>
/// <param name="From">Its beginning.</param>
/// <param name="To">Its end.</param>
public sealed record TrendAxis(DateTimeOffset From, DateTimeOffset To)
{
    // Hours between ticks: readable spans of a clock and a calendar.
    private static readonly int[] s_steps = [1, 3, 6, 12, 24, 48, 168, 336, 720, 2160, 8760];

    /// <summary>The axis that holds all of some times, with a little room; at least two hours long.</summary>
    public static TrendAxis Around(IEnumerable<DateTimeOffset> times)
    {
        DateTimeOffset[] all = [.. times];
        if (all.Length == 0) return new TrendAxis(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddHours(2));
        TimeSpan span = all.Max() - all.Min();
        TimeSpan room = span > TimeSpan.FromHours(2) ? span * 0.03 : TimeSpan.FromHours(1);
        return new TrendAxis(all.Min() - room, all.Max() + room);
    }

    /// <summary>Place of a time, in days from the beginning.</summary>
    internal double At(DateTimeOffset time) => (time - From).TotalDays;

    /// <summary>Length in days.</summary>
    internal double Days => (To - From).TotalDays;

    /// <summary>Ticks at round times, at most a given number.</summary>
    internal IEnumerable<(double At, string Text)> Ticks(int most)
    {
        double hours = (To - From).TotalHours;
        int step = s_steps.FirstOrDefault(s => hours / s <= most, (int)Math.Ceiling(hours / most));
        string form = step >= 2160 ? "MMM yyyy" : step >= 24 ? "d MMM" : "d MMM HH:mm";
        // Counted from midnight of the first day, so that ticks of days stand at midnights.
        var first = new DateTimeOffset(From.UtcDateTime.Date, TimeSpan.Zero);
        for (DateTimeOffset at = first; at <= To; at = at.AddHours(step))
        {
            if (at >= From) yield return (At(at), at.UtcDateTime.ToString(form, CultureInfo.InvariantCulture));
        }
    }
}
