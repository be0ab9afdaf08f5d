using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.RegularExpressions;
using QuantBench.Core;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Runs;

namespace QuantBench.Results.Folders;

/// <summary>A run's folder: <c>run.json</c>, <c>cells.jsonl</c> (append-only, one fsynced line per finished cell), <c>logs/</c>.</summary>
public sealed partial class RunFolder : IDisposable
{
    /// <summary>Name of the file that holds the run's <see cref="RunInfo"/>.</summary>
    public const string RunFile = "run.json";

    /// <summary>Name of the file that holds the finished cells.</summary>
    public const string CellsFile = "cells.jsonl";

    /// <summary>Name of the folder that holds the cells' logs.</summary>
    public const string LogsFolder = "logs";

    /// <summary>Folder of files that cells leave beside their results, one folder per cell; made by who writes the first one.</summary>
    public const string FilesFolder = "files";

    /// <summary>Name of the file that marks a run taken in from elsewhere.</summary>
    private const string ImportedFile = "imported";

    /// <summary>Folder of launches of cells that need more of them; gone when the run is finished.</summary>
    public const string LaunchesFolder = "unfinished";

    /// <summary>Name of the file a torn last line of <see cref="CellsFile"/> is kept in.</summary>
    public const string TornFile = "cells.jsonl.torn";

    private readonly RunLock? _lock;
    private readonly CellLog? _cells;

    private RunFolder(string path, RunInfo info, RunLock? runLock, CellLog? cells) =>
        (Path, Info, _lock, _cells) = (path, info, runLock, cells);

    /// <summary>Absolute path of the folder.</summary>
    public string Path { get; }

    /// <summary>What <c>run.json</c> says.</summary>
    public RunInfo Info { get; private set; }

    /// <summary>Whether this instance may write; false after <see cref="OpenReadOnly"/>.</summary>
    public bool CanWrite => _cells is not null;

    /// <summary>Bytes of a torn last line that <see cref="Open"/> cut off and kept in <see cref="TornFile"/>; 0 when the file was
    /// whole.</summary>
    public long HealedBytes => _cells?.HealedBytes ?? 0;

    /// <summary>Whether a text can be a run's id: letters, digits, <c>-</c> and <c>_</c>, at most 128 characters.</summary>
    /// <remarks>
    /// An id is also a folder's name beside the databases, so nothing with a dot passes (<c>results.db-journal</c>); nor do
    /// <c>latest</c> and <c>views</c>, which mean something else.
    /// </remarks>
    public static bool IsValidId([NotNullWhen(true)] string? id) => id is not null && ValidId().IsMatch(id);

    /// <summary>Whether an id has the shape that every run is given: date, time, suite's name, four hexadecimal digits. What comes from
    /// elsewhere has it: no part of the program takes such an id for a word, a path or the beginning of other ids.</summary>
    public static bool IsGivenId([NotNullWhen(true)] string? id) => IsValidId(id) && GivenId().IsMatch(id);

    /// <summary>Makes a new folder under the results root and writes <c>run.json</c>.</summary>
    /// <param name="resultsRoot">Directory of all run folders; made when absent.</param>
    /// <param name="info">The run; its id becomes the folder's name.</param>
    /// <exception cref="StoreException">The id can't be a folder's name, the folder exists, or it can't be written.</exception>
    public static RunFolder Create(string resultsRoot, RunInfo info)
    {
        ArgumentNullException.ThrowIfNull(resultsRoot);
        ArgumentNullException.ThrowIfNull(info);
        CheckId(info.Id);
        string path = System.IO.Path.Combine(System.IO.Path.GetFullPath(resultsRoot), info.Id);
        if (Directory.Exists(path) || File.Exists(path))
            throw new StoreException($"{path}: a run of this id exists already.",
                $"Go on with it by 'quantbench resume {info.Id}', or start a new run.");

        DiskFault.AsStore(
            $"{path}: the run's folder can't be made", "Check that the results directory is writable, or name another with --results.",
            () => Directory.CreateDirectory(System.IO.Path.Combine(path, LogsFolder)));

        RunLock runLock = RunLock.Take(path);
        CellLog? cells = null;
        try
        {
            // Crash point 1: folder without run.json. The catalogue reports it as broken; no cell was measured yet.
            AtomicFile.Write(System.IO.Path.Combine(path, RunFile), JsonSerializer.SerializeToUtf8Bytes(info, Json.Pretty));
            cells = CellLog.OpenForAppend(path);
            return new RunFolder(path, info, runLock, cells);
        }
        catch
        {
            cells?.Dispose();
            runLock.Dispose();
            throw;
        }
    }

    /// <summary>Opens a folder to append (resume); heals a torn last line; takes the folder's lock so that two runners can't
    /// write.</summary>
    /// <param name="path">The run's folder.</param>
    /// <exception cref="StoreException">Not a run's folder, broken, or being written by another runner.</exception>
    public static RunFolder Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        string full = System.IO.Path.GetFullPath(path);
        RunInfo info = ReadInfo(full);
        RunLock runLock = RunLock.Take(full);
        CellLog? cells = null;
        try
        {
            // Read again under the lock: another runner may have finished in between.
            info = ReadInfo(full);
            Directory.CreateDirectory(System.IO.Path.Combine(full, LogsFolder));
            cells = CellLog.OpenForAppend(full);
            return new RunFolder(full, info, runLock, cells);
        }
        catch
        {
            cells?.Dispose();
            runLock.Dispose();
            throw;
        }
    }

    /// <summary>Process id of the runner that writes a run; null when none lives. Reads only: no lock is tried, so no runner is
    /// disturbed.</summary>
    /// <param name="path">The run's folder.</param>
    public static int? WriterProcess(string path) => RunLock.LivingOwner(path);

    /// <summary>Whether a run was taken in from elsewhere. Such a run is data: nothing of it is ever run here.</summary>
    /// <param name="path">The run's folder.</param>
    public static bool IsImported(string path) => File.Exists(System.IO.Path.Combine(path, ImportedFile));

    /// <summary>Marks a folder as taken in from elsewhere.</summary>
    internal static void MarkImported(string path) => File.WriteAllText(System.IO.Path.Combine(path, ImportedFile),
        "Taken in from elsewhere: shown and compared here, never run or resumed.\n");

    /// <summary>Opens a folder to read only: takes no lock and changes nothing, so it works beside a runner.</summary>
    /// <param name="path">The run's folder.</param>
    /// <exception cref="StoreException">Not a run's folder, or broken.</exception>
    public static RunFolder OpenReadOnly(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        string full = System.IO.Path.GetFullPath(path);
        return new RunFolder(full, ReadInfo(full), runLock: null, cells: null);
    }

    /// <summary>Path of the folder of a cell's files; not made.</summary>
    /// <param name="cell">Id of the cell.</param>
    public string FilesPath(CellId cell) => System.IO.Path.Combine(Path, FilesFolder, cell.Value);

    /// <summary>Path of a cell's log.</summary>
    /// <param name="cell">Id of the cell.</param>
    public string LogPath(CellId cell) => System.IO.Path.Combine(Path, LogsFolder, $"{cell}.log");

    /// <summary>Every finished cell so far; the last line of a cell wins.</summary>
    /// <returns>In the order the cells first finished.</returns>
    /// <exception cref="StoreException">A line isn't a cell's result; names the line.</exception>
    public IReadOnlyList<CellResult> ReadCells() => CellLines.Read(System.IO.Path.Combine(Path, CellsFile));

    /// <summary>The run and its cells, as analysis and exports take them.</summary>
    /// <exception cref="StoreException">A line isn't a cell's result; names the line.</exception>
    public RunRecord ReadRecord() => new(Info, [.. ReadCells()]);

    /// <summary>Reads a run without opening its folder for longer.</summary>
    /// <param name="path">The run's folder.</param>
    /// <exception cref="StoreException">Not a run's folder, or broken.</exception>
    public static RunRecord ReadRecord(string path)
    {
        using RunFolder folder = OpenReadOnly(path);
        return folder.ReadRecord();
    }

    /// <summary>Appends one result; durable when it returns.</summary>
    /// <param name="result">The result.</param>
    /// <exception cref="StoreException">It can't be written (disk full); the file is left at its last whole line.</exception>
    public void Append(CellResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        CellLog log = _cells ?? throw new InvalidOperationException("the run's folder is open for reading only");
        log.Append(result);
    }

    /// <summary>Launches of an unfinished cell that a stopped runner had made; empty when there are none that can be read.</summary>
    /// <param name="cell">Id of the cell.</param>
    public ImmutableArray<CellResult> ReadLaunches(CellId cell)
    {
        string file = LaunchesPath(cell);
        try
        {
            return File.Exists(file) ? JsonSerializer.Deserialize<ImmutableArray<CellResult>>(File.ReadAllBytes(file), Json.Line) : [];
        }
        catch (Exception e) when (e is JsonException || DiskFault.Is(e))
        {
            return []; // they are made again
        }
    }

    /// <summary>Keeps the launches of a cell that needs more of them, for a resume.</summary>
    /// <param name="cell">Id of the cell.</param>
    /// <param name="launches">All of its launches so far.</param>
    /// <exception cref="StoreException">They can't be written.</exception>
    public void WriteLaunches(CellId cell, IReadOnlyCollection<CellResult> launches)
    {
        string file = LaunchesPath(cell);
        DiskFault.AsStore($"{file}: can't be written", null, () => Directory.CreateDirectory(System.IO.Path.GetDirectoryName(file)!));
        AtomicFile.Write(file, JsonSerializer.SerializeToUtf8Bytes(launches, Json.Line));
    }

    /// <summary>Forgets the launches of a cell that has its line.</summary>
    /// <param name="cell">Id of the cell.</param>
    public void RemoveLaunches(CellId cell)
    {
        if (!Directory.Exists(Unfinished)) return;
        try
        {
            File.Delete(LaunchesPath(cell));
            if (!Directory.EnumerateFileSystemEntries(Unfinished).Any()) Directory.Delete(Unfinished);
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            // A left-over is never read: its cell has a line.
        }
    }

    /// <summary>Replaces <c>run.json</c> atomically.</summary>
    /// <param name="info">The new content; same id.</param>
    /// <exception cref="ArgumentException">The id differs.</exception>
    /// <exception cref="StoreException">It can't be written; the old content stays.</exception>
    public void Update(RunInfo info)
    {
        ArgumentNullException.ThrowIfNull(info);
        if (_cells is null) throw new InvalidOperationException("the run's folder is open for reading only");
        if (info.Id != Info.Id) throw new ArgumentException($"run '{Info.Id}' can't become run '{info.Id}'", nameof(info));
        AtomicFile.Write(System.IO.Path.Combine(Path, RunFile), JsonSerializer.SerializeToUtf8Bytes(info, Json.Pretty));
        Info = info;
    }

    private string Unfinished => System.IO.Path.Combine(Path, LaunchesFolder);

    private string LaunchesPath(CellId cell) => System.IO.Path.Combine(Unfinished, $"{cell}.json");

    /// <inheritdoc/>
    public void Dispose()
    {
        _cells?.Dispose();
        _lock?.Dispose();
    }

    internal static void CheckId(string id)
    {
        if (!IsValidId(id))
        {
            throw new StoreException(
                $"'{id}' can't be a run's id.", "An id has letters, digits, '-' and '_', at most 128 characters.");
        }
    }

    internal static RunInfo ReadInfo(string folder)
    {
        string file = System.IO.Path.Combine(folder, RunFile);
        if (!File.Exists(file))
            throw new StoreException($"{folder}: not a run's folder: it has no {RunFile}.",
                "See 'quantbench results list' for the runs that are here.");

        byte[] json = DiskFault.AsStore($"{file}: can't be read", "Restore the file from a copy, or remove the folder.", () =>
            new FileInfo(file).Length > CellLines.MaxLineBytes
                ? throw new StoreException($"{file}: too large for a run's description.",
                    "The folder isn't QuantBench's; remove it from the results.")
                : File.ReadAllBytes(file));
        return ParseInfo(json, file);
    }

    /// <summary>Reads a run's description.</summary>
    /// <param name="json">Content of its file.</param>
    /// <param name="file">Path of the file, for errors.</param>
    /// <exception cref="StoreException">It isn't one, or not whole.</exception>
    internal static RunInfo ParseInfo(ReadOnlySpan<byte> json, string file)
    {
        RunInfo? info;
        try
        {
            info = JsonSerializer.Deserialize<RunInfo>(json, Json.Line);
        }
        catch (Exception e) when (CellLines.IsOfJson(e))
        {
            throw new StoreException($"{file}: can't be read: {e.Message}", "Restore the file from a copy, or remove the folder.", e);
        }

        if (info is null || !IsValidId(info.Id))
            throw new StoreException($"{file}: holds no valid run id.", "Restore the file from a copy, or remove the folder.");
        if (info.Schema != 1)
            throw new StoreException($"{file}: written in schema {info.Schema}, this QuantBench reads 1.",
                "Read it with the QuantBench that wrote it, or a newer one.");
        if (RunCheck.Fault(info) is { } fault)
            throw new StoreException($"{file}: not a run's description: {fault}.", "Restore the file from a copy, or remove the folder.");
        return info;
    }

    [GeneratedRegex(@"^[0-9]{8}-[0-9]{6}-.+-[0-9a-f]{4}\z", RegexOptions.CultureInvariant)]
    private static partial Regex GivenId();

    [GeneratedRegex(@"^(?!(?i:latest|views)\z)[A-Za-z0-9][A-Za-z0-9_-]{0,127}\z", RegexOptions.CultureInvariant)]
    private static partial Regex ValidId();
}
