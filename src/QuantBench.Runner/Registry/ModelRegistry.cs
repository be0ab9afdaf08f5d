using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Inference.Artifacts;
using QuantBench.Models.Sources;
using QuantBench.Runner.Workers;

namespace QuantBench.Runner.Registry;

/// <summary>
/// The content-addressed store of artifacts under the cache root: <c>models/&lt;key&gt;/{artifact.gguf, recipe.json}</c>, where formats of
/// several files have a directory <c>artifact</c> instead of the one file. A key is made of
/// everything that decides the artifact's bytes, so an entry never goes stale; it is only unused. Entries appear by one rename, so whatever
/// dies in between leaves no half entry: what it was writing lies in <c>models/.building</c> and is removed by whoever builds next.
/// </summary>
public sealed class ModelRegistry
{
    private const string SingleFile = "artifact.gguf";
    private const string Folder = "artifact";
    private const string RecipeFile = "recipe.json";

    private readonly string _root;
    private readonly TimeProvider _clock;

    /// <summary>Opens the registry; nothing is made until something is built.</summary>
    /// <param name="cacheRoot">Cache root.</param>
    /// <param name="clock">The one clock.</param>
    public ModelRegistry(string cacheRoot, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(cacheRoot);
        _root = Path.Combine(Path.GetFullPath(cacheRoot), "models");
        _clock = clock;
    }

    private string Building => Path.Combine(_root, ".building");

    /// <summary>Key of an artifact: the first 32 hex digits of the SHA-256 of source, name, recipe and inputs.</summary>
    /// <param name="sourceSha256">SHA-256 over the source's files.</param>
    /// <param name="artifactName">Variant id or <c>imatrix</c>.</param>
    /// <param name="recipe">How it is made.</param>
    /// <param name="inputSha256">Input artifact name → SHA-256.</param>
    public static string Key(
        string sourceSha256, string artifactName, ArtifactRecipe recipe, ImmutableSortedDictionary<string, string> inputSha256)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        // JSON keeps values with line breaks apart from the separators.
        string identity =
            JsonSerializer.Serialize(new { Version = "artifact-v1", sourceSha256, artifactName, recipe, inputSha256 }, Json.Line);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(identity)))[..32];
    }

    /// <summary>Path of an entry's artifact: a file, or a directory for formats of several files.</summary>
    /// <param name="entry">The entry.</param>
    public string ArtifactPath(RegistryEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return Path.Combine(_root, entry.Key, NameOf(entry.ArtifactName));
    }

    /// <summary>The entry of a key, if it is here and its file has the length the entry says; null otherwise.</summary>
    /// <param name="key">Its key.</param>
    public RegistryEntry? Find(string key)
    {
        if (ReadItem(Path.Combine(_root, key)) is not { Damage: null, Entry: { } entry }) return null;
        return entry;
    }

    /// <summary>Notes that an entry was used now, which keeps <c>gc</c> from it.</summary>
    /// <param name="key">Its key.</param>
    public void MarkUsed(string key)
    {
        try
        {
            File.SetLastWriteTimeUtc(Path.Combine(_root, key, RecipeFile), _clock.GetUtcNow().UtcDateTime);
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            // A shared, read-only registry works without the mark.
        }
    }

    /// <summary>Returns the entry of a key, building it first when it isn't here. Runners that want the same one wait for each
    /// other.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="artifactName">Variant id or <c>imatrix</c>.</param>
    /// <param name="build">Builds a file or directory at the path it is given and returns the entry.</param>
    /// <param name="cancellationToken">Stops waiting and building.</param>
    /// <exception cref="StoreException">The cache can't be written.</exception>
    public async Task<RegistryEntry> GetOrBuildAsync(
        string key, string artifactName, Func<string, CancellationToken, Task<RegistryEntry>> build, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(build);
        if (Find(key) is { } ready)
        {
            MarkUsed(key);
            return ready;
        }

        try
        {
            using FileLock held = await FileLock.TakeAsync(Path.Combine(_root, ".locks", $"{key}.lock"), _clock, cancellationToken);
            if (Find(key) is { } builtMeanwhile) return builtMeanwhile;
            RemoveLeftovers(key);
            string folder = Path.Combine(Building, $"{key}.{Environment.ProcessId}");
            Directory.CreateDirectory(folder);
            try
            {
                RegistryEntry entry = await build(Path.Combine(folder, NameOf(artifactName)), cancellationToken);
                Commit(folder, entry);
                return entry;
            }
            finally
            {
                if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
            }
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            throw DiskFault.Store($"the model registry {_root} can't be written", e,
                "Free space there, or name another place with --cache DIR or QUANTBENCH_CACHE.");
        }
    }

    /// <summary>Removes a damaged entry, so that the next build heals it.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="cancellationToken">Stops waiting for whoever builds it.</param>
    /// <exception cref="StoreException">The cache can't be written.</exception>
    public async Task DiscardAsync(string key, CancellationToken cancellationToken)
    {
        try
        {
            using FileLock held = await FileLock.TakeAsync(Path.Combine(_root, ".locks", $"{key}.lock"), _clock, cancellationToken);
            Directory.CreateDirectory(Building);
            // Crash point: the entry is gone, its remains are not. The next runner that builds it removes them.
            Directory.Move(Path.Combine(_root, key), Path.Combine(Building, $"{key}.{Environment.ProcessId}.old"));
            RemoveLeftovers(key);
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            throw DiskFault.Store($"the damaged artifact {Path.Combine(_root, key)} can't be removed", e,
                "Remove it by hand, or name another place with --cache DIR or QUANTBENCH_CACHE.");
        }
    }

    /// <summary>Every entry, damaged ones included, by variant and source.</summary>
    public IReadOnlyList<RegistryItem> List() =>
        [.. EntryFolders().Select(ReadItem).OrderBy(i => i.Entry?.SourcePath, StringComparer.Ordinal)
            .ThenBy(i => i.Entry?.ArtifactName, StringComparer.Ordinal)];

    /// <summary>Reads every artifact again and compares its hash with its recipe's.</summary>
    /// <param name="progress">Receives each entry before it is read.</param>
    /// <param name="cancellationToken">Stops.</param>
    public IReadOnlyList<RegistryItem> Verify(IProgress<RegistryItem> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(progress);
        var found = new List<RegistryItem>();
        foreach (RegistryItem item in List())
        {
            progress.Report(item);
            if (item is not { Damage: null, Entry: { } entry })
            {
                found.Add(item);
                continue;
            }

            string sha256 = ArtifactContent.Read(ArtifactPath(entry), cancellationToken).Sha256;
            found.Add(
                sha256 == entry.Sha256 ? item : item with { Damage = $"its SHA-256 is {sha256}, but the recipe says {entry.Sha256}" });
        }

        return found;
    }

    /// <summary>What can go: half-built leftovers, damaged entries, and entries no run used for a while.</summary>
    /// <param name="unusedFor">Entries unused for longer go.</param>
    /// <param name="damaged">Entries that a verification found damaged, besides those whose damage shows without reading them.</param>
    public IReadOnlyList<GarbageItem> Garbage(TimeSpan unusedFor, IEnumerable<RegistryItem> damaged)
    {
        var garbage = new List<GarbageItem>();
        if (Directory.Exists(Building))
        {
            garbage.AddRange(Directory.EnumerateDirectories(Building).Where(d => !IsLocked(Path.GetFileName(d).Split('.')[0]))
                .Select(d => new GarbageItem(d, SizeOf(d), "half-built leftover")));
        }

        HashSet<string> broken = [.. damaged.Where(d => d.Damage is not null).Select(d => d.Folder)];
        DateTimeOffset limit = _clock.GetUtcNow() - unusedFor;
        foreach (RegistryItem item in List())
        {
            if (item.Damage is not null || broken.Contains(item.Folder))
                garbage.Add(new GarbageItem(item.Folder, SizeOf(item.Folder), $"damaged: {item.Damage ?? "hash differs"}"));
            else if (item.LastUsed <= limit)
                garbage.Add(new GarbageItem(item.Folder, SizeOf(item.Folder), $"unused since {item.LastUsed:yyyy-MM-dd}"));
        }

        return garbage;
    }

    /// <summary>Removes what <see cref="Garbage"/> found.</summary>
    /// <param name="garbage">What to remove.</param>
    public static void Remove(IEnumerable<GarbageItem> garbage)
    {
        ArgumentNullException.ThrowIfNull(garbage);
        foreach (GarbageItem item in garbage)
        {
            if (Directory.Exists(item.Path)) Directory.Delete(item.Path, recursive: true);
            else File.Delete(item.Path);
        }
    }

    /// <summary>Makes an entry from a build's outcome.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="source">The model source.</param>
    /// <param name="artifactName">Variant id or <c>imatrix</c>.</param>
    /// <param name="recipe">How it was made.</param>
    /// <param name="inputs">Input artifact name → SHA-256.</param>
    /// <param name="built">What the worker measured of the file.</param>
    /// <param name="seconds">Seconds it took.</param>
    public RegistryEntry Entry(
        string key, ModelSource source, string artifactName, ArtifactRecipe recipe, ImmutableSortedDictionary<string, string> inputs,
        BuiltArtifact built, double seconds)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(built);
        return new RegistryEntry
        {
            Key = key,
            ArtifactName = artifactName,
            SourcePath = source.Path,
            SourceSha256 = source.Sha256,
            Recipe = recipe,
            Inputs = inputs,
            Sha256 = built.Sha256,
            Bytes = built.Bytes,
            WeightBytes = built.WeightBytes,
            ParameterCount = built.ParameterCount,
            Built = _clock.GetUtcNow(),
            BuildSeconds = seconds,
        };
    }

    private static RegistryItem ReadItem(string folder)
    {
        string recipe = Path.Combine(folder, RecipeFile);
        DateTimeOffset used = File.Exists(recipe) ? new DateTimeOffset(File.GetLastWriteTimeUtc(recipe), TimeSpan.Zero)
            : DateTimeOffset.UnixEpoch;
        try
        {
            if (!File.Exists(recipe)) return new RegistryItem(null, folder, used, "recipe.json is missing");
            RegistryEntry? entry = JsonSerializer.Deserialize<RegistryEntry>(File.ReadAllBytes(recipe), Json.Pretty);
            if (entry is null || entry.Key != Path.GetFileName(folder))
                return new RegistryItem(null, folder, used, "recipe.json belongs to another artifact");
            string artifact = Path.Combine(folder, NameOf(entry.ArtifactName));
            if (!ArtifactContent.Exists(artifact)) return new RegistryItem(entry, folder, used, "the artifact is missing");
            long bytes = ArtifactContent.SizeOf(artifact);
            string? damage = bytes == entry.Bytes ? null : $"it has {bytes} bytes, but the recipe says {entry.Bytes}";
            return new RegistryItem(entry, folder, used, damage);
        }
        catch (JsonException e)
        {
            return new RegistryItem(null, folder, used, $"recipe.json can't be read: {e.Message}");
        }
    }

    // Importance matrices, which are no variants, are single files too.
    private static string NameOf(string artifactName) =>
        !Variant.TryParse(artifactName, out Variant? variant) || variant is { Format: "gguf" } ? SingleFile : Folder;

    private static long SizeOf(string folder) =>
        new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(f => f.Length);

    private IEnumerable<string> EntryFolders() =>
        Directory.Exists(_root) ? Directory.EnumerateDirectories(_root).Where(d => !Path.GetFileName(d).StartsWith('.')) : [];

    private bool IsLocked(string key)
    {
        using FileLock? free = FileLock.TryTake(Path.Combine(_root, ".locks", $"{key}.lock"));
        return free is null;
    }

    // Only called under the key's lock: no living process builds it.
    private void RemoveLeftovers(string key)
    {
        if (!Directory.Exists(Building)) return;
        foreach (string folder in Directory.EnumerateDirectories(Building, $"{key}.*")) Directory.Delete(folder, recursive: true);
    }

    private void Commit(string folder, RegistryEntry entry)
    {
        // The data must be on the disk before the name is: a name whose data was lost with the power would look finished.
        string artifact = Path.Combine(folder, NameOf(entry.ArtifactName));
        // A link's file is the user's own: it is on the disk, and may not be ours to open.
        foreach (string path in ArtifactContent.Files(artifact).Where(f => !SourceLink.Is(f) && !SourceLink.Is(artifact)))
        {
            using FileStream file = File.Open(path, FileMode.Open, FileAccess.ReadWrite);
            file.Flush(flushToDisk: true);
        }

        if (Directory.Exists(artifact))
        {
            foreach (string directory in Directory.EnumerateDirectories(artifact, "*", SearchOption.AllDirectories).Append(artifact))
                Libc.SyncDirectory(directory);
        }

        using (FileStream recipe = File.Create(Path.Combine(folder, RecipeFile)))
        {
            JsonSerializer.Serialize(recipe, entry, Json.Pretty);
            recipe.Flush(flushToDisk: true);
        }

        Libc.SyncDirectory(folder);
        string final = Path.Combine(_root, entry.Key);
        // Crash point: a damaged predecessor is gone and the new one isn't there yet. The next runner builds it again.
        if (Directory.Exists(final)) Directory.Move(final, Path.Combine(Building, $"{entry.Key}.{Environment.ProcessId}.old"));
        Directory.Move(folder, final);
        Libc.SyncDirectory(_root);
        RemoveLeftovers(entry.Key);
    }
}

