using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Results.Folders;

namespace QuantBench.Analysis.Compare;

/// <summary>
/// Two runs of one file by code for unlike CPUs: both figures are right, and differ by how sums are rounded. Below the largest such effect
/// that was seen, a difference of quality is none of the model.
/// </summary>
internal static class UnlikeArithmetic
{
    /// <summary>Relative difference of perplexities that CPU variants alone can make: 6e-4 was seen between x64, haswell and zen4 builds of
    /// llama.cpp (Q4_K_M).</summary>
    public const double Effect = 1e-3;

    private const string CpuVariant = "cpu_variant";

    /// <summary>What differs between the arithmetic of two cells on one backend; null when nothing is known to.</summary>
    /// <param name="runA">Run of the first.</param>
    /// <param name="a">The first.</param>
    /// <param name="runB">Run of the second.</param>
    /// <param name="b">The second.</param>
    public static string? Of(RunRecord runA, CellResult a, RunRecord runB, CellResult b)
    {
        if (a.Cell.Backend != b.Cell.Backend || runA.Info.Id == runB.Info.Id) return null;
        if (a.Provenance.GetValueOrDefault(CpuVariant) is { } variantA && b.Provenance.GetValueOrDefault(CpuVariant) is { } variantB)
            return variantA == variantB ? null : $"CPU code {variantA} against {variantB}";

        // Which code an engine takes follows from what the CPU can do.
        return runA.Info.Fingerprint.CpuFlags.Order(StringComparer.Ordinal)
            .SequenceEqual(runB.Info.Fingerprint.CpuFlags.Order(StringComparer.Ordinal)) ? null : "CPUs of unlike instruction sets";
    }

    /// <summary>Why an engine may take unlike memory for the weights of one file: it lays them out for the code that reads them.</summary>
    /// <param name="a">The first cell.</param>
    /// <param name="b">The second.</param>
    /// <param name="arithmetic">What differs between their arithmetic; null when nothing is known to.</param>
    /// <returns>Null when the files or engines differ, or nothing else does.</returns>
    public static string? Layout(CellResult a, CellResult b, string? arithmetic) =>
        a.Provenance.GetValueOrDefault("artifact_sha256") is not { } file || b.Provenance.GetValueOrDefault("artifact_sha256") != file
        || a.Cell.Backend.Engine != b.Cell.Backend.Engine ? null
        : arithmetic ?? (a.Cell.Backend.Device == b.Cell.Backend.Device ? null
            : $"{a.Cell.Backend.Device} against {b.Cell.Backend.Device}");

    /// <summary>Takes a verdict back that says less than the arithmetic's effect.</summary>
    /// <param name="row">A row that was judged.</param>
    public static MetricComparison Weigh(MetricComparison row)
    {
        if (row.Arithmetic is not { } unlike || row.Metric.Kind != MetricKind.Quality || row.Difference is not { } difference
            || difference == 0) return row;
        bool small = Math.Abs(difference) < Effect && row.Verdict is Verdict.Better or Verdict.Worse or Verdict.Different;
        return small
            ? row with
            {
                Verdict = Verdict.NotToldApart,
                Note = $"{row.Note}; {unlike}: up to 0.1 % comes from rounding alone",
            }
            : row with { Note = $"{row.Note}; {unlike}" };
    }
}
