using QuantBench.Analysis.Candidates;
using QuantBench.Core.Errors;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;
using QuantBench.Runner;

namespace QuantBench.Cli.Composition;

/// <summary>
/// Where an analysis gets a run from: its folder with every sample while that is small, else the aggregates of the results database if it
/// has all of the run. Both give the same figures; comparisons of aggregates say so in their notes. A run without a folder here is taken
/// from the store where machines share one.
/// </summary>
/// <param name="environment">Where things lie.</param>
internal sealed class RunSource(RunnerEnvironment environment)
{
    // Reading a folder's lines takes about 1 s per 100 MB; below this it is quicker than noticing.
    private const long LargestFolder = 16L << 20;

    /// <summary>The run folders.</summary>
    public RunCatalog Catalog { get; } = new(environment.ResultsRoot);

    /// <summary>Reads a run.</summary>
    /// <param name="text">As <see cref="RunCatalog.Find"/> takes it.</param>
    /// <param name="metrics">Metrics that will be asked for; empty = all. A small folder gives all of them anyway.</param>
    public RunRecord Load(string text, params IReadOnlyCollection<string> metrics)
    {
        (RunEntry? here, RunRecord? elsewhere) = Find(text);
        if (here is not { } entry) return elsewhere!; // one of both
        var cells = new FileInfo(Path.Combine(entry.Path, RunFolder.CellsFile));
        if (cells.Exists && cells.Length > LargestFolder && (!environment.Store.IsDefault || File.Exists(DatabaseFile)))
        {
            using AggregateReader reader = AggregateReader.Open(environment.ResultsRoot, environment.Store);
            string id = entry.Info?.Id ?? entry.Id;
            // Current when it has every cell of the suite and was written after the last line, else when it has a cell for each line. A
            // cell measured twice has two lines, and then the folder is read.
            int count = reader.CellCount(id);
            bool current = (environment.Store.IsDefault && count == entry.Info?.CellCount && cells.LastWriteTimeUtc <= StoreWritten())
                || count == Lines(cells.FullName);
            if (current) return reader.Load(id, metrics);
        }

        using RunFolder folder = RunFolder.OpenReadOnly(entry.Path);
        return folder.ReadRecord();
    }

    /// <summary>Reads a run with every sample.</summary>
    /// <param name="text">As <see cref="RunCatalog.Find"/> takes it.</param>
    public RunRecord LoadWhole(string text)
    {
        (RunEntry? here, RunRecord? elsewhere) = Find(text);
        if (here is not { } entry) return elsewhere!; // one of both
        using RunFolder folder = RunFolder.OpenReadOnly(entry.Path);
        return folder.ReadRecord();
    }

    /// <summary>A run's candidates.</summary>
    /// <param name="text">As <see cref="RunCatalog.Find"/> takes it.</param>
    /// <param name="metrics">Metrics that will be asked for; empty = all.</param>
    public CandidateSet Candidates(string text, params IReadOnlyCollection<string> metrics) => CandidateSet.Of(Load(text, metrics));

    private string DatabaseFile => Path.Combine(environment.ResultsRoot, ResultStore.FileName);

    private (RunEntry? Here, RunRecord? Elsewhere) Find(string text)
    {
        try
        {
            return (Catalog.Find(text), null);
        }
        catch (RequestException) when (!environment.Store.IsDefault && Elsewhere(text) is { } found)
        {
            return (null, found);
        }
    }

    private RunRecord? Elsewhere(string text)
    {
        using ResultStore store = ResultStore.Open(environment.ResultsRoot, environment.Store);
        if (store.ReadRecord(text) is { } exact) return exact;
        using AggregateReader reader = store.OpenReader();
        string[] fitting = [
            .. reader.Runs().Select(r => r.Id).Where(id => text == "latest" || id.StartsWith(text, StringComparison.OrdinalIgnoreCase))];
        return fitting.Length switch
        {
            0 => null,
            > 1 when text != "latest" =>
                throw new RequestException($"'{text}' fits {fitting.Length} runs in the {store.Location}.", "Give more of the id."),
            _ => store.ReadRecord(fitting[0]),
        };
    }

    // SQLite writes to the log beside the database first.
    private DateTime StoreWritten()
    {
        DateTime database = File.GetLastWriteTimeUtc(DatabaseFile);
        DateTime log = File.GetLastWriteTimeUtc(DatabaseFile + "-wal"); // long ago when there is none
        return database > log ? database : log;
    }

    private static int Lines(string file)
    {
        using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        byte[] buffer = new byte[1 << 18];
        int lines = 0;
        while (stream.Read(buffer) is > 0 and var read) lines += buffer.AsSpan(0, read).Count((byte)'\n');
        return lines;
    }
}
