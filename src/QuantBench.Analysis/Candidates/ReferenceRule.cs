using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Variants;
using QuantBench.Core.Workloads;

namespace QuantBench.Analysis.Candidates;

/// <summary>
/// What the variants of one model on one backend are held against: the reference that their divergence cells name, else the full-precision
/// variant of most bits that has a perplexity, else one that has a size.
/// </summary>
internal static class ReferenceRule
{
    /// <summary>The reference of a family; null when there is none.</summary>
    /// <typeparam name="T">A variant with its cells.</typeparam>
    /// <param name="family">Every variant of one model on one backend.</param>
    /// <param name="variant">A member's variant.</param>
    /// <param name="cells">A member's cells.</param>
    public static T? Find<T>(IReadOnlyList<T> family, Func<T, Variant> variant, Func<T, IEnumerable<CellResult>> cells)
        where T : class
    {
        string? named = family.SelectMany(cells).Where(c => WorkloadTable.Of(c.Cell).NeedsReference)
            .Select(c => c.Cell.Settings.Text("reference")).FirstOrDefault(t => t.Length > 0);
        if (named is not null && Variant.TryParse(named, out Variant? wanted)
            && family.FirstOrDefault(m => variant(m) == wanted) is { } reference) return reference;
        T[] measured = [.. With(MetricTable.Perplexity)];
        if (measured.Length == 0) measured = [.. With(MetricTable.ArtifactSize)];
        return measured.Where(m => variant(m).Scheme.PrecisionClass == PrecisionClass.Full).MaxBy(m => variant(m).Scheme.NominalBits);

        IEnumerable<T> With(MetricDefinition metric) => family.Where(m => cells(m).Any(c => c.Metric(metric.Name) is not null));
    }
}
