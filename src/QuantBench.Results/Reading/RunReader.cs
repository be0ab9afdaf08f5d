using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Core.Runs;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;

namespace QuantBench.Results.Reading;

/// <summary>
/// Runs, wherever they are; the one place that decides between folder and store. A run's folder wins where it is here. The store stands in
/// for the folders of other machines, and for a large folder whose figures are wanted without samples, if it has all of the run; both give
/// the same figures, and comparisons of aggregates say so in their notes.
/// </summary>
public sealed class RunReader
{
    // Reading a folder's lines takes about 1 s per 100 MB; below this it is quicker than noticing.
    private const long LargestFolder = 16L << 20;

    private readonly StoreAddress _address;
    private readonly ResultStore? _store;

    /// <summary>Reads runs with a store that is opened only when a run needs it.</summary>
    /// <param name="resultsRoot">Directory of all run folders.</param>
    /// <param name="address">The store; null for SQLite in the results root, which is never asked for runs without a folder.</param>
    public RunReader(string resultsRoot, StoreAddress? address = null) =>
        (Catalog, _address) = (new RunCatalog(resultsRoot), address ?? StoreAddress.Default);

    /// <summary>Reads runs with a store that is open.</summary>
    /// <param name="store">The store; outlives the reader.</param>
    public RunReader(ResultStore store)
        : this((store ?? throw new ArgumentNullException(nameof(store))).Root) => _store = store;

    /// <summary>The run folders.</summary>
    public RunCatalog Catalog { get; }

    private bool HasOthers => _store is not null || !_address.IsDefault;

    private bool IsFile => _store is null ? _address.IsDefault : !_store.IsShared;

    private string DatabaseFile => Path.Combine(DatabaseHome.Of(Catalog.Root), ResultStore.FileName);

    /// <summary>All runs, newest first; those of other machines have no path.</summary>
    /// <exception cref="StoreException">The store can't be read.</exception>
    public ImmutableArray<RunEntry> List()
    {
        ImmutableArray<RunEntry> here = Catalog.List();
        if (!HasOthers) return here;
        HashSet<string> known = [.. here.Select(r => r.Id)];
        using AggregateReader reader = OpenReader();
        return
        [
            .. here.Concat(reader.Runs().Where(r => !known.Contains(r.Id)).Select(Elsewhere))
                .OrderByDescending(r => r.Info?.Started ?? DateTimeOffset.MinValue),
        ];
    }

    /// <summary>A run by its whole id, without a look at other runs; null when there is none.</summary>
    /// <exception cref="StoreException">The store can't be read.</exception>
    public RunEntry? FindId(string id)
    {
        if (Catalog.FindId(id) is { } here) return here;
        if (!HasOthers) return null;
        using AggregateReader reader = OpenReader();
        return reader.Run(id) is { } info ? Elsewhere(info) : null;
    }

    /// <summary>Finds a run.</summary>
    /// <param name="text">As <see cref="RunCatalog.Find"/> takes it.</param>
    /// <exception cref="RequestException">There is none, or more than one.</exception>
    /// <exception cref="StoreException">The store can't be read.</exception>
    public RunEntry Find(string text)
    {
        try
        {
            return Catalog.Find(text);
        }
        catch (RequestException) when (HasOthers)
        {
            if ((FindId(text) ?? FindElsewhere(text)) is { } found) return found;
            throw;
        }
    }

    /// <summary>A run with every sample.</summary>
    /// <param name="entry">The run.</param>
    /// <exception cref="StoreException">It is broken or gone.</exception>
    public RunRecord ReadWhole(RunEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        if (entry.Path.Length > 0) return RunFolder.ReadRecord(entry.Path);
        using ResultStore? own = _store is null ? ResultStore.Open(Catalog.Root, _address) : null;
        return (own ?? _store)?.ReadRecord(entry.Id) ?? throw new StoreException($"run '{entry.Id}' is gone.", "List the runs again.");
    }

    /// <summary>Finds a run and reads it with every sample.</summary>
    /// <param name="text">As <see cref="RunCatalog.Find"/> takes it.</param>
    public RunRecord LoadWhole(string text) => ReadWhole(Find(text));

    /// <summary>Finds a run and reads its figures, without their samples where that is much quicker.</summary>
    /// <param name="text">As <see cref="RunCatalog.Find"/> takes it.</param>
    /// <param name="metrics">Metrics that will be asked for; empty = all. A small folder gives all of them anyway.</param>
    public RunRecord Load(string text, params IReadOnlyCollection<string> metrics)
    {
        RunEntry entry = Find(text);
        var cells = new FileInfo(Path.Combine(entry.Path, RunFolder.CellsFile));
        if (entry.Path.Length == 0 || !cells.Exists || cells.Length <= LargestFolder
            || (IsFile && !File.Exists(DatabaseFile))) return ReadWhole(entry);
        using AggregateReader reader = OpenReader();
        string id = entry.Info?.Id ?? entry.Id;
        // Current when it has every cell of the suite and was written after the last line, else when it has a cell for each line. A cell
        // measured twice has two lines, and then the folder is read.
        int count = reader.CellCount(id);
        bool current = (IsFile && count == entry.Info?.CellCount && cells.LastWriteTimeUtc <= StoreWritten())
            || count == Lines(cells.FullName);
        return current ? reader.Load(id, metrics) : ReadWhole(entry);
    }

    /// <summary>The store for figures over runs; null where there is none that can be read: findings that need it go without.</summary>
    public AggregateReader? OpenHistory()
    {
        if (_store is null && _address.IsDefault && !File.Exists(DatabaseFile) && !DatabaseHome.IsReaders(Catalog.Root)) return null;
        try
        {
            return OpenReader();
        }
        catch (StoreException)
        {
            return null;
        }
    }

    private static RunEntry Elsewhere(RunInfo info) => new(info.Id, "", info, null);

    private AggregateReader OpenReader() => _store?.OpenReader() ?? AggregateReader.Open(Catalog.Root, _address);

    private RunEntry? FindElsewhere(string text)
    {
        using AggregateReader reader = OpenReader();
        RunInfo[] fitting =
            [.. reader.Runs().Where(r => text == "latest" || r.Id.StartsWith(text, StringComparison.OrdinalIgnoreCase))];
        if (fitting.Length > 1 && text != "latest")
            throw new RequestException($"'{text}' fits {fitting.Length} runs in the {reader.Location}.", "Give more of the id.");
        return fitting.Length == 0 ? null : Elsewhere(fitting[0]);
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
