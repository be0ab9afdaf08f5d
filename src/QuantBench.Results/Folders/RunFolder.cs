using QuantBench.Core.Cells;
using QuantBench.Core.Runs;

namespace QuantBench.Results.Folders;

/// <summary>A run's folder: <c>run.json</c>, <c>cells.jsonl</c> (append-only, one fsynced line per finished cell), <c>logs/</c>.</summary>
public sealed class RunFolder : IDisposable
{
    private RunFolder(string path, RunInfo info) => (Path, Info) = (path, info);

    /// <summary>Absolute path of the folder.</summary>
    public string Path { get; }

    /// <summary>What <c>run.json</c> says.</summary>
    public RunInfo Info { get; private set; }

    /// <summary>Makes a new folder under the results root and writes <c>run.json</c>.</summary>
    public static RunFolder Create(string resultsRoot, RunInfo info) => throw new InvalidOperationException(resultsRoot + info);

    /// <summary>Opens a folder to append (resume); heals a torn last line; takes the folder's lock so that two runners can't write.</summary>
    public static RunFolder Open(string path) => throw new InvalidOperationException(path);

    /// <summary>Path of a cell's log.</summary>
    public string LogPath(CellId cell) => System.IO.Path.Combine(Path, "logs", $"{cell}.log");

    /// <summary>Every finished cell so far; the last line of a cell wins.</summary>
    public IReadOnlyList<CellResult> ReadCells() => throw new InvalidOperationException(Path);

    /// <summary>Appends one result; durable when it returns.</summary>
    public void Append(CellResult result) => throw new InvalidOperationException(result?.Reason);

    /// <summary>Replaces <c>run.json</c> atomically.</summary>
    public void Update(RunInfo info) => Info = info;

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
