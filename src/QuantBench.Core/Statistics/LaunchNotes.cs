namespace QuantBench.Core.Statistics;

/// <summary>Notes of several launches of one cell.</summary>
public static class LaunchNotes
{
    /// <summary>All notes, in order; of those that differ in numbers alone, the first.</summary>
    /// <param name="launches">Notes of each launch.</param>
    public static string[] Join(IEnumerable<IEnumerable<string>> launches) =>
        [.. launches.SelectMany(n => n).DistinctBy(n => string.Concat(n.Where(c => !char.IsAsciiDigit(c) && c != '.')))];
}
