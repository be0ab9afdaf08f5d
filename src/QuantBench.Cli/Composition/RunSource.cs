using QuantBench.Analysis.Candidates;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;

namespace QuantBench.Cli.Composition;

/// <summary>
/// Where an analysis gets a run from: its folder with every sample while that is small, else the aggregates of the results database. Both give
/// the same figures; comparisons of aggregates say so in their notes.
/// </summary>
/// <param name="resultsRoot">Directory of run folders.</param>
internal sealed class RunSource(string resultsRoot)
{
    // Reading a folder's lines takes about 1 s per 100 MB; below this it is quicker than noticing.
    private const long LargestFolder = 16L << 20;

    /// <summary>The run folders.</summary>
    public RunCatalog Catalog { get; } = new(resultsRoot);

    /// <summary>Reads a run.</summary>
    /// <param name="text">As <see cref="RunCatalog.Find"/> takes it.</param>
    /// <param name="metrics">Metrics that will be asked for; empty = all. A small folder gives all of them anyway.</param>
    public RunRecord Load(string text, params IReadOnlyCollection<string> metrics)
    {
        RunEntry entry = Catalog.Find(text);
        var cells = new FileInfo(Path.Combine(entry.Path, RunFolder.CellsFile));
        if (cells.Exists && cells.Length > LargestFolder)
        {
            using AggregateReader reader = AggregateReader.Open(resultsRoot);
            return reader.Load(entry.Info?.Id ?? entry.Id, metrics);
        }

        using RunFolder folder = RunFolder.OpenReadOnly(entry.Path);
        return folder.ReadRecord();
    }

    /// <summary>A run's candidates.</summary>
    /// <param name="text">As <see cref="RunCatalog.Find"/> takes it.</param>
    public CandidateSet Candidates(string text) => CandidateSet.Of(Load(text));
}
