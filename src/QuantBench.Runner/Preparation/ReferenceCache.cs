using System.Security.Cryptography;
using System.Text;
using QuantBench.Core.Errors;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Evaluators;
using QuantBench.Runner.Registry;

namespace QuantBench.Runner.Preparation;

/// <summary>
/// Files of reference log-probabilities, one per artifact, backend, text and settings. They are large and can always be computed again, so
/// the cache has a size limit: the least recently used go first. Beside each lies its SHA-256; one that doesn't have it any more is
/// computed again.
/// </summary>
/// <param name="cacheRoot">Cache root; the files lie in its <c>references</c>.</param>
/// <param name="clock">The one clock.</param>
public sealed class ReferenceCache(string cacheRoot, TimeProvider clock)
{
    private const string HashSuffix = ".sha256";

    private readonly string _root = Path.Combine(Path.GetFullPath(cacheRoot), "references");

    /// <summary>Bytes that all files together may take.</summary>
    public long LimitBytes { get; init; } = 8L << 30;

    /// <summary>Key of everything that decides the file's content.</summary>
    /// <param name="parts">Artifact hash, engine build, backend, text and tokenizer hash, settings.</param>
    public static string Key(params IEnumerable<string> parts) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes("reference-v2\n" + string.Join('\n', parts))))[..32];

    /// <summary>Path of the file of a key if it is here; null otherwise.</summary>
    /// <param name="key">Its key.</param>
    public string? Find(string key)
    {
        string path = PathOf(key);
        return File.Exists(path) ? path : null;
    }

    /// <summary>Path of the file of a key; computes it when it isn't here, or isn't what was computed.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="compute">Writes the file to the path it is given.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="StoreException">The cache can't be written.</exception>
    public async Task<string> GetOrComputeAsync(string key, Func<string, CancellationToken, Task> compute,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(compute);
        string path = PathOf(key);
        try
        {
            Directory.CreateDirectory(_root);
            using FileLock held = await FileLock.TakeAsync(Path.Combine(_root, ".locks", $"{key}.lock"), clock, cancellationToken);
            if (!await IsWholeAsync(path, cancellationToken))
            {
                foreach (string leftover in Directory.EnumerateFiles(_root, $"{key}.*.tmp")) File.Delete(leftover);
                string temporary = Path.Combine(_root, $"{key}.{Environment.ProcessId}.tmp");
                try
                {
                    await compute(temporary, cancellationToken);
                    string sha256 = await HashAsync(temporary, cancellationToken);
                    File.Delete(path);
                    File.Delete(path + ReferenceFloor.Suffix);
                    // Crash point: a hash without a file, or the hash of another; the next runner computes again.
                    await File.WriteAllTextAsync(path + HashSuffix, sha256, cancellationToken);
                    File.Move(temporary, path, overwrite: true);
                }
                finally
                {
                    File.Delete(temporary);
                }
            }

            File.SetLastWriteTimeUtc(path, clock.GetUtcNow().UtcDateTime);
            Shrink(LimitBytes, keep: path);
            return path;
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            throw DiskFault.Store($"reference log-probabilities can't be kept in {_root}", e,
                "Free space there, or name another place with --cache DIR.");
        }
    }

    /// <summary>What would have to go to keep within a limit, oldest first; leftovers always.</summary>
    /// <param name="limitBytes">Bytes that may stay.</param>
    /// <param name="unusedFor">Files unused for longer go whatever the limit.</param>
    public IReadOnlyList<GarbageItem> Garbage(long limitBytes, TimeSpan unusedFor)
    {
        if (!Directory.Exists(_root)) return [];
        var garbage = new List<GarbageItem>();
        DateTimeOffset limit = clock.GetUtcNow() - unusedFor;
        long kept = 0;
        foreach (FileInfo file in new DirectoryInfo(_root).EnumerateFiles("*.qblp").OrderByDescending(f => f.LastWriteTimeUtc))
        {
            kept += file.Length;
            bool old = file.LastWriteTimeUtc <= limit.UtcDateTime;
            if (old || kept > limitBytes)
            {
                string why = old ? $"unused since {file.LastWriteTimeUtc:yyyy-MM-dd}" : "over the size limit";
                garbage.Add(new GarbageItem(file.FullName, file.Length, why));
                foreach (string beside in (string[])[HashSuffix, ReferenceFloor.Suffix])
                {
                    if (new FileInfo(file.FullName + beside) is { Exists: true } also)
                        garbage.Add(new GarbageItem(also.FullName, also.Length, why));
                }
            }
        }

        return garbage;
    }

    private string PathOf(string key) => Path.Combine(_root, $"{key}.qblp");

    private void Shrink(long limitBytes, string keep) =>
        ModelRegistry.Remove(Garbage(limitBytes, TimeSpan.MaxValue / 1000).Where(g => !g.Path.StartsWith(keep, StringComparison.Ordinal)));

    private static async Task<bool> IsWholeAsync(string path, CancellationToken cancellationToken) =>
        File.Exists(path) && File.Exists(path + HashSuffix)
            && await File.ReadAllTextAsync(path + HashSuffix, cancellationToken) == await HashAsync(path, cancellationToken);

    private static Task<string> HashAsync(string path, CancellationToken cancellationToken) =>
        Task.Run(() => ArtifactContent.Read(path, cancellationToken).Sha256, cancellationToken);
}
