using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Runs;
using QuantBench.Results.Folders;

namespace QuantBench.Results.Exchange;

/// <summary>What became of results that came in part.</summary>
/// <param name="Info">The run as it stands now.</param>
/// <param name="Path">Its folder.</param>
/// <param name="Results">Every cell that was sent, as it is read here.</param>
/// <param name="Taken">Those that are new here.</param>
/// <param name="Cells">Cells of the run that are here now.</param>
public sealed record Received(RunInfo Info, string Path, ImmutableArray<CellResult> Results, int Taken, int Cells);

/// <summary>
/// Takes in runs from elsewhere cell by cell, while they are measured. What comes is hostile input, as for <see cref="RunImport"/>. The
/// same line again changes nothing, whatever came in between: lines are told by the hash of their content. A run that doesn't count lies
/// apart, under <see cref="Aside"/> in the results root, with all that came of it. Calls for one run come one after the other.
/// </summary>
/// <param name="resultsRoot">Directory of all run folders.</param>
public sealed class RunReceiver(string resultsRoot)
{
    /// <summary>Folder in the results root for runs that don't count.</summary>
    public const string Aside = ".late";

    private readonly string _root = Path.GetFullPath(resultsRoot);

    /// <summary>Takes in a part of a run.</summary>
    /// <param name="run">Content of its <c>run.json</c>.</param>
    /// <param name="cells">Lines of its <c>cells.jsonl</c> in their order, each with the cell's log or null.</param>
    /// <param name="aside">Whether it lies apart; a run that lies elsewhere is moved.</param>
    /// <param name="limits">Limits on what is taken in; null for the defaults.</param>
    /// <exception cref="StoreException">It isn't a run, isn't plausible, is another one of the same id, or can't be written.</exception>
    public Received Take(string run, IReadOnlyList<(string Line, string? Log)> cells, bool aside, ImportLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(cells);
        DateTimeOffset latest = (limits ?? new ImportLimits()).Latest;
        RunInfo info = RunFolder.ParseInfo(Encoding.UTF8.GetBytes(run), "the run that was sent");
        if (!RunFolder.IsGivenId(info.Id)) throw Refused($"'{info.Id}' isn't an id that a run is given");
        if (RunCheck.Doubt(info) is { } doubt) throw Refused(doubt);
        if (info.Started > latest || info.Finished > latest) throw Refused("it is dated more than a day ahead of the clock here");
        var parsed = new List<(CellResult Result, string Hash, string? Log)>();
        for (int i = 0; i < cells.Count; i++)
        {
            CellResult result = CellLines.Parse("what was sent", i + 1, Encoding.UTF8.GetBytes(cells[i].Line));
            if (RunCheck.Doubt(result) is { } why) throw Refused($"cell {result.Cell.Id}: {why}");
            if (result.Started > latest) throw Refused($"cell {result.Cell.Id} is dated more than a day ahead of the clock here");
            parsed.Add((result, HashOf(result), cells[i].Log));
        }

        using RunFolder folder = Open(info, aside);
        var known = new HashSet<string>(CellLines.LinesAsWritten(Path.Combine(folder.Path, RunFolder.CellsFile)).Select(HashOf),
            StringComparer.Ordinal);
        int taken = 0;
        foreach ((CellResult result, string hash, string? log) in parsed)
        {
            if (!known.Add(hash)) continue;
            // The log first: a cell that has its line is whole.
            if (log is not null) DiskFault.AsStore($"{folder.Path}: a log can't be written", null,
                () => File.WriteAllText(folder.LogPath(result.Cell.Id), log));
            // Crash point: the line is durable, nobody was told. It comes again and is known then.
            folder.Append(result);
            taken++;
        }

        // An older description that comes late takes nothing back.
        if (Rank(info.Status) > Rank(folder.Info.Status)) folder.Update(info);
        return new Received(folder.Info, folder.Path, [.. parsed.Select(p => RunCheck.Readable(p.Result))], taken,
            folder.ReadCells().Count);
    }

    /// <summary>Moves a run to where it belongs; one that is there, or nowhere, stays.</summary>
    /// <param name="runId">The run's id.</param>
    /// <param name="aside">Whether it lies apart.</param>
    /// <returns>Its folder when it was moved; null when there was nothing to do.</returns>
    /// <exception cref="StoreException">It can't be moved, or what lies there was made here.</exception>
    public string? Move(string runId, bool aside)
    {
        if (!RunFolder.IsGivenId(runId)) return null;
        (string from, string to) = (PathOf(runId, !aside), PathOf(runId, aside));
        if (!Directory.Exists(from)) return null;
        if (!RunFolder.IsImported(from)) throw Refused($"run {runId} was made here");
        return DiskFault.AsStore($"{from}: can't be moved", null, () =>
        {
            Directory.CreateDirectory(Path.GetDirectoryName(to)!); // the results root or a folder in it
            Directory.Move(from, to);
            return to;
        });
    }

    /// <summary>Path of a run's folder.</summary>
    /// <param name="runId">The run's id.</param>
    /// <param name="aside">Whether it lies apart.</param>
    public string PathOf(string runId, bool aside) => aside ? Path.Combine(_root, Aside, runId) : Path.Combine(_root, runId);

    private RunFolder Open(RunInfo info, bool aside)
    {
        Move(info.Id, aside);
        string path = PathOf(info.Id, aside);
        if (!File.Exists(Path.Combine(path, RunFolder.RunFile))) Make(path, info);
        RunFolder folder = RunFolder.Open(path);
        try
        {
            if (!RunFolder.IsImported(path)) throw Refused($"run {info.Id} was made here");
            if (folder.Info.Started != info.Started || folder.Info.SuiteSha256 != info.SuiteSha256
                || folder.Info.Fingerprint.MachineId != info.Fingerprint.MachineId)
                throw Refused($"run {info.Id} is here already, and it is another one");
            return folder;
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    // Whole with its mark or not at all, as an import does it.
    private void Make(string path, RunInfo info)
    {
        string staging = Path.Combine(_root, RunImport.StagingName());
        try
        {
            using (RunFolder made = RunFolder.Create(staging, info with { Status = RunStatus.Running, Finished = null }))
                RunFolder.MarkImported(made.Path);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!); // the results root or a folder in it
            Directory.Move(Path.Combine(staging, info.Id), path);
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            throw DiskFault.Store($"{path}: can't be made", e);
        }
        finally
        {
            if (Directory.Exists(staging)) Directory.Delete(staging, recursive: true);
        }
    }

    private static int Rank(RunStatus status) => status switch { RunStatus.Completed => 2, RunStatus.Interrupted => 1, _ => 0 };

    private static string HashOf(CellResult result) =>
        Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(result, Json.Line)));

    private static StoreException Refused(string why) => new($"refused: {why}.",
        "Look at the run where it was made; nothing was taken in.");
}
