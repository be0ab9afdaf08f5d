using QuantBench.Analysis.Compare;
using QuantBench.Core.Errors;
using QuantBench.Results.Folders;

namespace QuantBench.Dashboard.Queries;

/// <summary>Comparisons of runs and variants.</summary>
/// <param name="runs">Reads runs.</param>
/// <param name="cache">What stays true until the store changes.</param>
public sealed class ComparisonQueries(RunQueries runs, StoreCache cache)
{
    /// <summary>Compares two sides, each <c>run[:variant[@backend]]</c>.</summary>
    /// <exception cref="RequestException">A side names nothing.</exception>
    public Task<RunComparison> CompareAsync(string a, string b) =>
        cache.GetAsync($"compare {a} {b}", () => Task.FromResult(RunComparer.Compare(Side(a), Side(b))));

    /// <summary>One side.</summary>
    /// <exception cref="RequestException">It names nothing.</exception>
    public ComparisonSide Side(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string run = text.Split(':')[0];
        // On the command line a run may be given by its path; an address must not read paths.
        if (!RunFolder.IsValidId(run)) throw new RequestException($"'{run}' is no run's id.", "Pick a run from the list.");
        return ComparisonSide.Parse(text, runs.RecordOf);
    }
}
