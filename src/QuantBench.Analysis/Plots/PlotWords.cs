using QuantBench.Analysis.Formatting;
using QuantBench.Core.Metrics;

namespace QuantBench.Analysis.Plots;

/// <summary>What findings of plots may say.</summary>
internal static class PlotWords
{
    private const int MostNamed = 6;

    /// <summary>Whether the intervals of two figures lie apart; false where one has none.</summary>
    public static bool AreApart(Measurement? one, Measurement? other) =>
        one?.Ci95 is [double low, double high] && other?.Ci95 is [double from, double to] && (high < from || to < low);

    /// <summary>Some names, and how many more there are.</summary>
    public static string List(IReadOnlyCollection<string> names) => names.Count <= MostNamed ? string.Join(", ", names)
        : $"{string.Join(", ", names.Take(MostNamed - 1))} and {Format.Count(names.Count - MostNamed + 1)} more";
}
