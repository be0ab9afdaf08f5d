using System.Collections.Immutable;
using QuantBench.Analysis.Compare;
using QuantBench.Dashboard.Queries;

namespace QuantBench.Dashboard.Pages;

/// <summary>Sides of a comparison as forms send them and as the next one is proposed.</summary>
internal static class SideParts
{
    /// <summary>
    /// Sides of parts in the order of the form: a run, then <c>:variant</c> and <c>@backend</c> where they are given. Empty parts may be
    /// missing, so a run is what begins the next side.
    /// </summary>
    public static ImmutableArray<string> Join(string[]? parts)
    {
        var sides = ImmutableArray.CreateBuilder<string>();
        (string Run, string Variant, string Backend) side = ("", "", "");
        foreach (string part in (parts ?? []).Where(p => p.Length > 0))
        {
            if (part[0] == ':') side.Variant = part;
            else if (part[0] == '@') side.Backend = part;
            else
            {
                Flush();
                side = (part, "", "");
            }
        }

        Flush();
        return sides.ToImmutable();

        void Flush()
        {
            if (side.Run.Length > 0)
                sides.Add(side.Run + (side.Variant.Length == 0 && side.Backend.Length > 0 ? ":*" : side.Variant) + side.Backend);
        }
    }

    /// <summary>A side that isn't compared yet: the next variant of the run where variants are compared, else the next backend, else the
    /// next run; null when there is none.</summary>
    /// <param name="taken">Selectors of the sides that are there.</param>
    /// <param name="last">The last of them.</param>
    /// <param name="runs">Runs, newest first.</param>
    public static string? Next(string[] taken, ComparisonSide? last, ImmutableArray<RunListItem> runs)
    {
        if (last?.Variant is not null)
        {
            string at = last.Backend is { } backend ? $"@{backend}" : "";
            IEnumerable<string> variants = last.Run.Cells.Where(c => last.Backend is null || c.Cell.Backend == last.Backend)
                .Select(c => $"{last.Run.Info.Id}:{c.Cell.Variant.Id}{at}");
            if (variants.Distinct().FirstOrDefault(v => !taken.Contains(v)) is { } variant) return variant;
        }
        else if (last?.Backend is not null
            && last.Run.Cells.Select(c => $"{last.Run.Info.Id}:*@{c.Cell.Backend}").Distinct()
                .FirstOrDefault(b => !taken.Contains(b)) is { } other)
        {
            return other;
        }

        return runs.Select(r => r.Id).FirstOrDefault(id => !taken.Any(t => t.Split(':')[0] == id));
    }
}
