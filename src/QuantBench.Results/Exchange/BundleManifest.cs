using System.Collections.Immutable;
using System.Security.Cryptography;
using QuantBench.Results.Folders;

namespace QuantBench.Results.Exchange;

/// <summary>What a bundle holds: <c>manifest.json</c> at its top.</summary>
/// <param name="Schema">Version of this shape; 1.</param>
/// <param name="Run">The run's id.</param>
/// <param name="Files">Path inside the run's folder, with <c>/</c> → SHA-256 in lower-case hex.</param>
public sealed record BundleManifest(int Schema, string Run, ImmutableSortedDictionary<string, string> Files)
{
    /// <summary>Name of the manifest in a bundle.</summary>
    public const string FileName = "manifest.json";

    /// <summary>Paths in a run's folder that belong to its content: <c>run.json</c>, <c>cells.jsonl</c> and the logs; reports are
    /// derived.</summary>
    internal static IEnumerable<string> ContentPaths(string folder)
    {
        foreach (string name in (string[])[RunFolder.RunFile, RunFolder.CellsFile])
        {
            if (File.Exists(Path.Combine(folder, name))) yield return name;
        }

        string logs = Path.Combine(folder, RunFolder.LogsFolder);
        if (!Directory.Exists(logs)) yield break;
        foreach (string file in Directory.EnumerateFiles(logs).Order(StringComparer.Ordinal))
        {
            string path = $"{RunFolder.LogsFolder}/{Path.GetFileName(file)}";
            if (IsContentPath(path)) yield return path;
        }
    }

    /// <summary>Whether a bundle may hold this path; anything with a way out of the folder is not on the list.</summary>
    internal static bool IsContentPath(string path)
    {
        if (path is RunFolder.RunFile or RunFolder.CellsFile) return true;
        const string logs = RunFolder.LogsFolder + "/";
        if (!path.StartsWith(logs, StringComparison.Ordinal)) return false;
        return PlainName.IsValid(path[logs.Length..]);
    }

    internal static BundleManifest OfFolder(string folder, string runId) => new(
        1, runId,
        ContentPaths(folder)
            .ToImmutableSortedDictionary(path => path, path => HashFile(Path.Combine(folder, path)), StringComparer.Ordinal));

    internal static string HashFile(string path)
    {
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
