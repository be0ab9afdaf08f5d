using QuantBench.Core.Limits;
using QuantBench.Core.Metrics;

namespace QuantBench.Analysis.Formatting;

/// <summary>Metrics in sentences: by their titles, not by the names that files use.</summary>
public static class MetricText
{
    /// <summary>A metric within a sentence, e.g. <c>same top token</c>, <c>peak RSS</c>, <c>TTFT</c>.</summary>
    /// <param name="metric">The metric.</param>
    public static string Of(MetricDefinition metric)
    {
        ArgumentNullException.ThrowIfNull(metric);
        string title = Title(metric);
        return title.Length > 1 && char.IsLower(title[1]) ? char.ToLowerInvariant(title[0]) + title[1..] : title;
    }

    /// <summary>A metric within a sentence, with the settings that it is asked at.</summary>
    /// <param name="metric">The metric and its settings.</param>
    public static string Of(MetricSelector metric)
    {
        ArgumentNullException.ThrowIfNull(metric);
        return metric.Settings.IsEmpty ? Of(metric.Definition)
            : $"{Of(metric.Definition)} at {string.Join(", ", metric.Settings.Select(s => $"{s.Key}={s.Value}"))}";
    }

    /// <summary>A metric over a column or a figure, e.g. <c>Same top token</c>, <c>Peak RSS</c>.</summary>
    /// <param name="metric">The metric.</param>
    public static string Title(MetricDefinition metric)
    {
        ArgumentNullException.ThrowIfNull(metric);
        // Titles of sizes stand in plots of memory, where 'Resident, peak' is enough.
        return metric is { Kind: MetricKind.Size, Column: { } column } ? column.Title : metric.Title;
    }
}
