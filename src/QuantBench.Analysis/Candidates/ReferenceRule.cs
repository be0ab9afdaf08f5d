using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Variants;
using QuantBench.Core.Workloads;

namespace QuantBench.Analysis.Candidates;

/// <summary>
/// What the variants of one model on one backend are held against: the reference that their divergence cells name, else the full-precision
/// variant of most bits that has a perplexity, else one that has a size. Where the backend doesn't have it, as an engine that runs only
/// converted models, that of another backend.
/// </summary>
internal static class ReferenceRule
{
    /// <summary>The reference of a backend's variants; null when there is none.</summary>
    /// <typeparam name="T">A variant on a backend, with its cells.</typeparam>
    /// <param name="model">Every variant of one model on every backend, in the run's order.</param>
    /// <param name="on">The backend.</param>
    /// <param name="backend">A member's backend.</param>
    /// <param name="variant">A member's variant.</param>
    /// <param name="cells">A member's cells.</param>
    public static T? Find<T>(IReadOnlyCollection<T> model, BackendId on, Func<T, BackendId> backend, Func<T, Variant> variant,
        Func<T, IEnumerable<CellResult>> cells)
        where T : class
    {
        T[] own = [.. model.Where(m => backend(m) == on)];
        string? named = own.SelectMany(cells).Where(c => WorkloadTable.Of(c.Cell).NeedsReference)
            .Select(c => c.Cell.Settings.Text("reference")).FirstOrDefault(t => t.Length > 0);
        if (named is not null && Variant.TryParse(named, out Variant? wanted))
        {
            if (own.FirstOrDefault(m => variant(m) == wanted) is { } here) return here;
            T[] elsewhere = [.. model.Where(m => variant(m) == wanted)];
            if ((With(elsewhere, MetricTable.Perplexity).FirstOrDefault() ?? elsewhere.FirstOrDefault()) is { } there) return there;
        }

        return Fullest(own) ?? Fullest(model);

        T? Fullest(IReadOnlyCollection<T> among)
        {
            T[] measured = [.. With(among, MetricTable.Perplexity)];
            if (measured.Length == 0) measured = [.. With(among, MetricTable.ArtifactSize)];
            return measured.Where(m => variant(m).Scheme.PrecisionClass == PrecisionClass.Full)
                .MaxBy(m => variant(m).Scheme.NominalBits);
        }

        IEnumerable<T> With(IEnumerable<T> among, MetricDefinition metric) =>
            among.Where(m => cells(m).Any(c => c.Metric(metric.Name) is not null));
    }
}
