using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Core.Runs;

namespace QuantBench.Results.Folders;

/// <summary>One folder of the results root.</summary>
/// <param name="Id">The run's id: the folder's name.</param>
/// <param name="Path">Absolute path of the folder.</param>
/// <param name="Info">What <c>run.json</c> says; null when it can't be read.</param>
/// <param name="Problem">Why it can't be read; null when it can.</param>
public sealed record RunEntry(string Id, string Path, RunInfo? Info, string? Problem);

/// <summary>The runs under one results root, read from their folders.</summary>
/// <param name="resultsRoot">Directory of all run folders; needn't exist.</param>
public sealed class RunCatalog(string resultsRoot)
{
    /// <summary>Absolute path of the results root.</summary>
    public string Root { get; } = System.IO.Path.GetFullPath(resultsRoot);

    /// <summary>Every folder that is or was a run, newest first; broken ones carry their problem.</summary>
    public ImmutableArray<RunEntry> List()
    {
        if (!Directory.Exists(Root)) return [];
        return
        [
            .. Directory.EnumerateDirectories(Root)
                .Where(path => RunFolder.IsValidId(System.IO.Path.GetFileName(path)) && LooksLikeRun(path))
                .Select(Entry)
                .OrderByDescending(entry => entry.Info?.Started ?? DateTimeOffset.MinValue)
                .ThenByDescending(entry => entry.Id, StringComparer.Ordinal),
        ];
    }

    /// <summary>Finds a run.</summary>
    /// <param name="text"><c>latest</c>, an id, the unique beginning of one, or the path of a run's folder.</param>
    /// <exception cref="RequestException">There is none, or more than one.</exception>
    public RunEntry Find(string text)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(text);
        if (IsPath(text))
        {
            string full = System.IO.Path.GetFullPath(text);
            // a file has a directory
            if (System.IO.Path.GetFileName(full) == RunFolder.RunFile) full = System.IO.Path.GetDirectoryName(full)!;
            if (File.Exists(System.IO.Path.Combine(full, RunFolder.RunFile))) return Entry(full);
            throw new RequestException($"{text}: not a run's folder.", "See 'quantbench results list' for the runs that are here.");
        }

        if (FindId(text) is { } whole) return whole;
        ImmutableArray<RunEntry> all = List();
        if (string.Equals(text, "latest", StringComparison.OrdinalIgnoreCase))
        {
            return all.FirstOrDefault(entry => entry.Info is not null)
                ?? throw new RequestException($"there is no run in {Root} yet.", "Make one: ./run-bench.sh run suites/quick.yaml");
        }

        RunEntry[] matches = [.. all.Where(entry => entry.Id.StartsWith(text, StringComparison.OrdinalIgnoreCase))];
        return matches.Length switch
        {
            1 => matches[0],
            0 => throw new RequestException($"there is no run '{text}' in {Root}.",
                "See 'quantbench results list' for the runs that are here."),
            _ => throw new RequestException(
                $"'{text}' fits {matches.Length} runs: "
                    + $"{string.Join(", ", matches.Take(5).Select(m => m.Id))}{(matches.Length > 5 ? ", …" : "")}.",
                "Give more of the id."),
        };
    }

    // The id itself needs no listing.
    internal RunEntry? FindId(string id) =>
        RunFolder.IsValidId(id) && File.Exists(System.IO.Path.Combine(Root, id, RunFolder.RunFile))
            ? Entry(System.IO.Path.Combine(Root, id)) : null;

    private static bool IsPath(string text) =>
        text is "." or ".." || text.Contains('/', StringComparison.Ordinal) || text.Contains('\\', StringComparison.Ordinal);

    private static bool LooksLikeRun(string path) =>
        File.Exists(System.IO.Path.Combine(path, RunFolder.RunFile)) || File.Exists(System.IO.Path.Combine(path, RunFolder.CellsFile))
        || Directory.Exists(System.IO.Path.Combine(path, RunFolder.LogsFolder));

    private RunEntry Entry(string path)
    {
        string id = System.IO.Path.GetFileName(path);
        try
        {
            RunInfo info = RunFolder.ReadInfo(path);
            // Under the root a folder is found by the id; elsewhere people name it as they like.
            return info.Id == id || System.IO.Path.GetDirectoryName(path) != Root ? new RunEntry(id, path, info, null)
                : new RunEntry(id, path, null, $"{path}: the folder was renamed: its {RunFolder.RunFile} is run {info.Id}'s.");
        }
        catch (StoreException e)
        {
            return new RunEntry(id, path, null, e.Message);
        }
    }
}
