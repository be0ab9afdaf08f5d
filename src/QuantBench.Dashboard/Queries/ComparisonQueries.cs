using System.Collections.Immutable;
using QuantBench.Analysis.Compare;
using QuantBench.Core.Errors;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;

namespace QuantBench.Dashboard.Queries;

/// <summary>Comparisons of runs and variants.</summary>
/// <param name="runs">Reads runs.</param>
/// <param name="store">The store.</param>
/// <param name="cache">What stays true until the store changes.</param>
internal sealed class ComparisonQueries(RunQueries runs, ResultStore store, StoreCache cache)
{
    /// <summary>Compares two sides, each <c>run[:variant[@backend]]</c>.</summary>
    /// <exception cref="RequestException">A side names nothing.</exception>
    public Task<RunComparison> CompareAsync(string a, string b) =>
        cache.GetAsync($"compare {a} {b}", () => Task.FromResult(Compare(Side(a), [Side(b)])[0]));

    /// <summary>Compares sides with a base, by what the store knows of the noise between runs.</summary>
    /// <param name="a">The base.</param>
    /// <param name="others">What is compared with it.</param>
    public ImmutableArray<RunComparison> Compare(ComparisonSide a, IReadOnlyList<ComparisonSide> others)
    {
        using AggregateReader reader = store.OpenReader();
        return RunComparer.Compare(a, others, new MachineHistory(reader));
    }

    /// <summary>One side.</summary>
    /// <exception cref="RequestException">It names nothing.</exception>
    public ComparisonSide Side(string text)
    {
        string run = text.Split(':')[0];
        // On the command line a run may be given by its path; an address must not read paths.
        if (!RunFolder.IsValidId(run)) throw new RequestException($"'{run}' is no run's id.", "Pick a run from the list.");
        return ComparisonSide.Parse(text, runs.RecordOf);
    }
}
