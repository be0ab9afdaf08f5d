using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Errors;
using QuantBench.Results.Folders;
using QuantBench.Runner.Registry;

namespace QuantBench.Lab.Agents.Edge;

/// <summary>
/// Models that this machine lacked and pulled from its server, by content: <c>pulled/SHA256/{files/…, model.json}</c> in the cache. What
/// breaks off is gone on with, each is checked against its hash, and <c>model.json</c> comes last, so what dies in between leaves
/// no model that isn't whole. Together with the artifacts in the same cache they keep to a quota: what was used longest ago goes, what the
/// job at hand names stays. Not thread-safe.
/// </summary>
/// <param name="cacheRoot">The cache.</param>
/// <param name="limits">Its quota, and a directory of models that machines share.</param>
/// <param name="clock">The one clock.</param>
/// <param name="say">Receives what happens.</param>
public sealed class ModelCache(string cacheRoot, ModelCacheLimits limits, TimeProvider clock, Action<string> say)
{
    private const string WholeFile = "model.json";
    private const string FilesFolder = "files";
    private const string Part = ".part";

    private readonly string _root = Path.Combine(Path.GetFullPath(cacheRoot), "pulled");
    private readonly HashSet<string> _pinned = new(StringComparer.Ordinal);

    private string SourcesFile => Path.Combine(_root, "sources.json");

    /// <summary>The model that a path stood for when it was last pulled, for times without a link; null when there is none.</summary>
    /// <param name="source">The path that the suite names.</param>
    public string? Known(string source) => ReadSources().TryGetValue(source, out string? sha256) && Find(sha256) is { } model
        ? Use(sha256, model) : null;

    /// <summary>Says that the job at hand is over, and brings the cache back to its quota.</summary>
    public void Release()
    {
        _pinned.Clear();
        MakeRoom(0);
    }

    /// <summary>Brings a model here, unless it is.</summary>
    /// <param name="link">The way to the server.</param>
    /// <param name="address">Address of the model under the API's root.</param>
    /// <param name="source">The path that the suite names.</param>
    /// <param name="model">What it is made of.</param>
    /// <param name="cancellationToken">Stops; what is here stays.</param>
    /// <returns>Where it lies: what takes the place of <paramref name="source"/>.</returns>
    /// <exception cref="RequestException">It doesn't fit into the quota, or isn't what was announced.</exception>
    /// <exception cref="StoreException">The cache can't be written.</exception>
    /// <exception cref="HttpRequestException">The link broke; the same call goes on.</exception>
    public async Task<string> GetAsync(AgentLink link, string address, string source, AgentModel model, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(link);
        Check(model);
        _pinned.Add(model.Sha256);
        if (Shared(model) is { } shared) return shared;
        if (Find(model.Sha256) is { } there)
        {
            Remember(source, model.Sha256);
            return Use(model.Sha256, there);
        }

        string folder = Path.Combine(_root, model.Sha256);
        long missing = model.Files.Sum(f => f.Bytes) - (Directory.Exists(folder) ? SizeOf(folder) : 0);
        MakeRoom(Math.Max(0, missing));
        say(string.Create(CultureInfo.InvariantCulture, $"pulls {Path.GetFileName(source)} ({missing / 1e6:0.#} MB)"));
        foreach (AgentFile file in model.Files)
        {
            string path = Path.Combine(folder, FilesFolder, file.Path);
            if (!File.Exists(path)) await PullAsync(link, $"{address}/files/{file.Sha256}", file, path, cancellationToken);
        }

        // Crash point: every file is here, model.json isn't. The next call finds the files and writes it.
        AtomicFile.Write(Path.Combine(folder, WholeFile), JsonSerializer.SerializeToUtf8Bytes(model, Json.Pretty));
        Remember(source, model.Sha256);
        return Use(model.Sha256, model);
    }

    private static async Task PullAsync(AgentLink link, string address, AgentFile file, string path, CancellationToken cancellationToken)
    {
        string part = path + Part;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!); // below the cache
            await using (var output = new FileStream(part, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read))
            {
                if (output.Length > file.Bytes) output.SetLength(0);
                output.Position = output.Length;
                if (output.Length < file.Bytes)
                    await link.CopyAsync(address, output.Length, file.Bytes - output.Length, output, cancellationToken);
                output.Flush(flushToDisk: true);
                output.Position = 0;
                string sha256 = Convert.ToHexStringLower(await SHA256.HashDataAsync(output, cancellationToken));
                if (sha256 != file.Sha256)
                {
                    output.SetLength(0);
                    throw new RequestException($"what came as {Path.GetFileName(path)} isn't what was announced (SHA-256 {sha256}).",
                        "The file was changed on the server meanwhile, or a disk is broken; start the run again.");
                }
            }

            File.Move(part, path, overwrite: true);
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            throw DiskFault.Store($"{path}: the model can't be kept", e,
                "Free space there, or name another place with --cache DIR or QUANTBENCH_CACHE.");
        }
    }

    // Where machines share a directory, nothing is copied: files of the same names, sizes and content.
    private string? Shared(AgentModel model)
    {
        if (limits.Shared is not { } root || !Directory.Exists(root)) return null;
        IEnumerable<string> places = model.File is null
            ? Directory.EnumerateDirectories(root, "*", SearchOption.AllDirectories).Prepend(root)
            : Directory.EnumerateFiles(root, model.File, SearchOption.AllDirectories).Select(f => Path.GetDirectoryName(f) ?? root);
        return places.FirstOrDefault(place => model.Files.All(f => new FileInfo(Path.Combine(place, f.Path)) is { Exists: true } file
            && file.Length == f.Bytes) && model.Files.All(f => limits.Hash(Path.Combine(place, f.Path)) == f.Sha256)) is { } found
            ? model.File is null ? found : Path.Combine(found, model.File) : null;
    }

    private AgentModel? Find(string sha256)
    {
        try
        {
            string file = Path.Combine(_root, sha256, WholeFile);
            AgentModel? model = File.Exists(file) ? JsonSerializer.Deserialize<AgentModel>(File.ReadAllBytes(file), Json.Line) : null;
            string files = Path.Combine(_root, sha256, FilesFolder);
            return model is not null && model.Files.All(f => new FileInfo(Path.Combine(files, f.Path)) is { Exists: true } there
                && there.Length == f.Bytes) ? model : null;
        }
        catch (Exception e) when (e is JsonException || DiskFault.Is(e))
        {
            return null; // pulled again
        }
    }

    private string Use(string sha256, AgentModel model)
    {
        _pinned.Add(sha256);
        string folder = Path.Combine(_root, sha256);
        DiskFault.AsStore($"{folder}: can't be marked as used", null,
            () => File.SetLastWriteTimeUtc(Path.Combine(folder, WholeFile), clock.GetUtcNow().UtcDateTime));
        return model.File is null ? Path.Combine(folder, FilesFolder) : Path.Combine(folder, FilesFolder, model.File);
    }

    private void MakeRoom(long bytes)
    {
        if (limits.Quota is not { } quota) return;
        var items = new List<(string Folder, long Bytes, DateTimeOffset Used, bool Pinned)>();
        items.AddRange(Directory.Exists(_root) ? Directory.EnumerateDirectories(_root).Select(d =>
            (d, SizeOf(d), UsedOf(d), _pinned.Contains(Path.GetFileName(d)))) : []);
        items.AddRange(new ModelRegistry(cacheRoot, clock).List().Select(i => (i.Folder, SizeOf(i.Folder), i.LastUsed, false)));
        long used = items.Sum(i => i.Bytes);
        foreach ((string folder, long size, _, _) in items.Where(i => !i.Pinned).OrderBy(i => i.Used))
        {
            if (used + bytes <= quota) return;
            DiskFault.AsStore($"{folder}: can't be removed", null, () => Directory.Delete(folder, recursive: true));
            say(string.Create(CultureInfo.InvariantCulture, $"removed {folder} for the quota ({size / 1e6:0.#} MB)"));
            used -= size;
        }

        if (used + bytes > quota && bytes > 0)
        {
            throw new RequestException(string.Create(CultureInfo.InvariantCulture,
                $"the job's models need {(used + bytes) / 1e6:0.#} MB of the cache, whose quota is {quota / 1e6:0.#} MB."),
                "Raise --cache-quota, or narrow the suite.");
        }
    }

    private static DateTimeOffset UsedOf(string folder) =>
        File.GetLastWriteTimeUtc(File.Exists(Path.Combine(folder, WholeFile)) ? Path.Combine(folder, WholeFile) : folder);

    private static long SizeOf(string folder) =>
        new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(f => f.LinkTarget is null ? f.Length : 0);

    private ImmutableSortedDictionary<string, string> ReadSources()
    {
        try
        {
            return (File.Exists(SourcesFile)
                ? JsonSerializer.Deserialize<ImmutableSortedDictionary<string, string>>(File.ReadAllBytes(SourcesFile), Json.Line) : null)
                ?? ImmutableSortedDictionary<string, string>.Empty;
        }
        catch (Exception e) when (e is JsonException || DiskFault.Is(e))
        {
            return ImmutableSortedDictionary<string, string>.Empty;
        }
    }

    private void Remember(string source, string sha256)
    {
        ImmutableSortedDictionary<string, string> sources = ReadSources();
        if (sources.GetValueOrDefault(source) == sha256) return;
        AtomicFile.Write(SourcesFile, JsonSerializer.SerializeToUtf8Bytes(sources.SetItem(source, sha256), Json.Pretty));
    }

    // The server is trusted with jobs, not with the machine's disk.
    private static void Check(AgentModel model)
    {
        bool IsPlain(string path) => path.Length > 0 && !Path.IsPathRooted(path) && !path.EndsWith(Part, StringComparison.Ordinal)
            && !path.Contains('\\', StringComparison.Ordinal) && path.Split('/').All(p => p is not ("" or "." or ".."));
        bool IsHash(string text) => text.Length == 64 && text.All(char.IsAsciiHexDigitLower);
        if (model.Files.IsDefaultOrEmpty || !IsHash(model.Sha256)
            || model.Files.Any(f => f.Bytes < 0 || !IsPlain(f.Path) || !IsHash(f.Sha256))
            || (model.File is not null && model.Files.All(f => f.Path != model.File)))
            throw new RequestException("the server's description of a model is none.", "Install the same version on both.");
    }
}
