using QuantBench.Analysis.Candidates;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;

namespace QuantBench.Cli.Composition;

/// <summary>
/// Where an analysis gets a run from: its folder with every sample while that is small, else the aggregates of the results database if it has all
/// of the run. Both give the same figures; comparisons of aggregates say so in their notes.
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
        if (cells.Exists && cells.Length > LargestFolder && File.Exists(Path.Combine(resultsRoot, ResultStore.FileName)))
        {
            using AggregateReader reader = AggregateReader.Open(resultsRoot);
            string id = entry.Info?.Id ?? entry.Id;
            // Current when it has every cell of the suite and was written after the last line, else when it has a cell for each line. A cell
            // measured twice has two lines, and then the folder is read.
            int count = reader.CellCount(id);
            bool current = (count == entry.Info?.CellCount && cells.LastWriteTimeUtc <= StoreWritten()) || count == Lines(cells.FullName);
            if (current) return reader.Load(id, metrics);
        }

        using RunFolder folder = RunFolder.OpenReadOnly(entry.Path);
        return folder.ReadRecord();
    }

    /// <summary>A run's candidates.</summary>
    /// <param name="text">As <see cref="RunCatalog.Find"/> takes it.</param>
    /// <param name="metrics">Metrics that will be asked for; empty = all.</param>
    public CandidateSet Candidates(string text, params IReadOnlyCollection<string> metrics) => CandidateSet.Of(Load(text, metrics));

    // SQLite writes to the log beside the database first.
    private DateTime StoreWritten()
    {
        string file = Path.Combine(resultsRoot, ResultStore.FileName);
        DateTime database = File.GetLastWriteTimeUtc(file);
        DateTime log = File.GetLastWriteTimeUtc(file + "-wal"); // long ago when there is none
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
