using System.Collections.Immutable;
using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Runs;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;

namespace QuantBench.Results.Exchange;

/// <summary>How an import ended.</summary>
/// <param name="RunId">The run's id.</param>
/// <param name="Path">Its folder under the results root.</param>
/// <param name="AlreadyThere">The same content was there before; nothing was changed.</param>
public sealed record ImportResult(string RunId, string Path, bool AlreadyThere);

/// <summary>Limits on what an import takes in; a bundle is hostile input.</summary>
public sealed record ImportLimits
{
    // A clock that stands before this is wrong, as on a board without a battery: it may not refuse what others measured.
    private static readonly DateTimeOffset s_written = new(2026, 11, 30, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Most files in a bundle.</summary>
    public int Files { get; init; } = 100_000;

    /// <summary>Most bytes of one file, unpacked.</summary>
    public long FileBytes { get; init; } = 2L << 30;

    /// <summary>Most bytes of all files, unpacked.</summary>
    public long TotalBytes { get; init; } = 8L << 30;

    /// <summary>Latest time that anything of a run may have happened: clocks differ by zones and drift, not by more than a day.</summary>
    public DateTimeOffset Latest { get; init; } = LatestBy(TimeProvider.System.GetUtcNow());

    /// <summary>The latest time by a clock.</summary>
    /// <param name="now">What the clock says.</param>
    public static DateTimeOffset LatestBy(DateTimeOffset now) => (now > s_written ? now : s_written).AddDays(1);
}

/// <summary>Takes a run into the results root from a run's folder or a bundle that <see cref="RunBundle"/> wrote.</summary>
public static class RunImport
{
    private const string Staging = ".import-";

    /// <summary>Imports and indexes: when it returns, folder and store agree; when it throws, what was new is in neither.</summary>
    /// <param name="path">A run's folder or a bundle.</param>
    /// <param name="store">The store; the caller's alone meanwhile.</param>
    /// <param name="limits">Limits on what is taken in; null for the defaults.</param>
    /// <exception cref="StoreException">As <see cref="From"/>, or the database can't be written.</exception>
    public static ImportResult Into(string path, ResultStore store, ImportLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(store);
        ImportResult result = From(path, store.Root, limits);
        try
        {
            // Crash point: the folder is there, its rows aren't. The same import again, or the next start, adds them.
            if (!result.AlreadyThere || !store.Has(result.RunId)) store.IndexFolder(result.Path);
        }
        catch when (!result.AlreadyThere)
        {
            Directory.Delete(result.Path, recursive: true);
            throw;
        }

        return result;
    }

    /// <summary>Removes what imports left that died half-way.</summary>
    /// <param name="resultsRoot">Directory of all run folders.</param>
    public static void RemoveLeftovers(string resultsRoot)
    {
        if (!Directory.Exists(resultsRoot)) return;
        foreach (string path in Directory.EnumerateFileSystemEntries(resultsRoot, Staging + "*")
            .Concat(Directory.EnumerateFiles(resultsRoot, ".upload-*.zip"))) // as earlier versions named them
        {
            // .import-PROCESS-GUID
            string[] parts = Path.GetFileName(path).Split('-');
            if (parts.Length == 3 && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int process)
                && RunLock.IsAlive(process)) continue;
            try
            {
                if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
                else File.Delete(path);
            }
            catch (Exception e) when (DiskFault.Is(e))
            {
                // It hinders nobody; the next start tries again.
            }
        }
    }

    /// <summary>A name in the results root that no run can have and that <see cref="RemoveLeftovers"/> knows.</summary>
    /// <param name="ending">Its ending.</param>
    public static string StagingName(string ending = "") =>
        string.Create(CultureInfo.InvariantCulture, $"{Staging}{Environment.ProcessId}-{Guid.NewGuid():N}{ending}");

    /// <summary>Imports. The run appears whole or not at all; importing the same content again changes nothing.</summary>
    /// <param name="path">A run's folder or a bundle.</param>
    /// <param name="resultsRoot">Directory of all run folders; made when absent.</param>
    /// <param name="limits">Limits on what is taken in; null for the defaults.</param>
    /// <exception cref="StoreException">
    /// Not a run, broken, over a limit, or another content is here under the same id.
    /// </exception>
    public static ImportResult From(string path, string resultsRoot, ImportLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(resultsRoot);
        limits ??= new ImportLimits();
        string source = Path.GetFullPath(path);
        string root = Path.GetFullPath(resultsRoot);
        bool isFolder = Directory.Exists(source);
        if (!isFolder && !File.Exists(source))
            throw new StoreException($"{source}: there is no such file or folder.", "Give a run's folder or a bundle (.zip).");

        string staging = Path.Combine(root, StagingName());
        try
        {
            Directory.CreateDirectory(staging);
            if (isFolder) CopyFolder(source, staging, limits);
            else Unpack(source, staging, limits);
            return Settle(source, staging, root, limits);
        }
        catch (StoreException e) when (e.Message.Contains(staging, StringComparison.Ordinal))
        {
            // What is wrong is wrong in what was given; the copy is gone when the message is read.
            throw new StoreException(e.Message.Replace(staging, source, StringComparison.Ordinal), e.Hint, e.InnerException);
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            throw DiskFault.Store($"{source}: can't be imported", e);
        }
        finally
        {
            if (Directory.Exists(staging)) Directory.Delete(staging, recursive: true);
        }
    }

    private static ImportResult Settle(string source, string staging, string root, ImportLimits limits)
    {
        RunInfo info = Check(source, staging, limits);
        string target = Path.Combine(root, info.Id);
        if (!Directory.Exists(target))
        {
            RunFolder.MarkImported(staging);
            Directory.Move(staging, target);
            return new ImportResult(info.Id, target, AlreadyThere: false);
        }

        ImmutableSortedDictionary<string, string> here = BundleManifest.OfFolder(target, info.Id).Files;
        ImmutableSortedDictionary<string, string> there = BundleManifest.OfFolder(staging, info.Id).Files;
        if (here.SequenceEqual(there)) return new ImportResult(info.Id, target, AlreadyThere: true);

        string differing = here.Keys.Union(there.Keys).First(k => here.GetValueOrDefault(k) != there.GetValueOrDefault(k));
        throw new StoreException(
            $"{source}: run {info.Id} is here already with another content ({differing} differs).",
            "Move the run that is here out of the results directory if it is the wrong one, then import again.");
    }

    // All of it is looked at before anything of it is taken.
    private static RunInfo Check(string source, string staging, ImportLimits limits)
    {
        RunInfo info = RunFolder.ReadInfo(staging);
        if (!RunFolder.IsGivenId(info.Id))
            throw Refused($"'{info.Id}' isn't an id that a run is given, like 20260131-120000-suite-0f3a");
        if (RunCheck.Doubt(info) is { } doubt) throw Refused($"run {info.Id}: {doubt}");
        if ((info.Finished ?? info.Started) > limits.Latest || info.Started > limits.Latest)
            throw Ahead($"run {info.Id}", info.Finished ?? info.Started);
        foreach (CellResult cell in CellLines.LinesAsWritten(Path.Combine(staging, RunFolder.CellsFile)))
        {
            if (RunCheck.Doubt(cell) is { } why) throw Refused($"cell {cell.Cell.Id}: {why}");
            if (cell.Started > limits.Latest) throw Ahead($"cell {cell.Cell.Id}", cell.Started);
        }

        return info;

        StoreException Refused(string why) => new($"{source}: refused: {why}.", "Look at the run where it was made; nothing was taken in.");

        StoreException Ahead(string what, DateTimeOffset when) => Refused(string.Create(CultureInfo.InvariantCulture,
            $"{what}: it is dated {when.UtcDateTime:yyyy-MM-dd HH:mm} UTC, more than a day ahead of the clock here"));
    }

    private static void CopyFolder(string source, string staging, ImportLimits limits)
    {
        RunFolder.ReadInfo(source);
        long left = limits.TotalBytes;
        int files = 0;
        foreach (string path in BundleManifest.ContentPaths(source))
        {
            if (++files > limits.Files) throw TooLarge(source, $"more than {limits.Files} files");
            using var input = new FileStream(Path.Combine(source, path), FileMode.Open, FileAccess.Read,
                FileShare.ReadWrite | FileShare.Delete);
            left -= CopyTo(input, staging, path, source, limits.FileBytes, left, out _);
        }
    }

    private static void Unpack(string source, string staging, ImportLimits limits)
    {
        const string notBundle = "A bundle is made by 'quantbench results export RUN --format bundle'.";
        try
        {
            using ZipArchive zip = ZipFile.OpenRead(source);
            if (zip.Entries.Count > limits.Files) throw TooLarge(source, $"more than {limits.Files} files");
            BundleManifest manifest = ReadManifest(source, zip, notBundle);
            long left = limits.TotalBytes;
            var seen = new HashSet<string>(StringComparer.Ordinal);
            foreach (ZipArchiveEntry entry in zip.Entries)
            {
                string name = entry.FullName;
                if (name == BundleManifest.FileName) continue;

                // Only listed names are taken, and a listed name can't leave the folder.
                if (!BundleManifest.IsContentPath(name) || !manifest.Files.TryGetValue(name, out string? expected))
                    throw new StoreException($"{source}: holds '{name}', which a bundle doesn't have.", notBundle);
                if (!seen.Add(name)) throw new StoreException($"{source}: holds '{name}' twice.", notBundle);

                using Stream input = entry.Open();
                left -= CopyTo(input, staging, name, source, limits.FileBytes, left, out string actual);
                if (!string.Equals(actual, expected, StringComparison.OrdinalIgnoreCase))
                    throw new StoreException($"{source}: '{name}' doesn't have the hash its manifest says.",
                        "The bundle is damaged or was changed; export it again.");
            }

            if (manifest.Files.Keys.FirstOrDefault(k => !seen.Contains(k)) is { } missing)
                throw new StoreException($"{source}: '{missing}' of its manifest is missing.", "The bundle is damaged; export it again.");
            RunInfo info = RunFolder.ReadInfo(staging);
            if (info.Id != manifest.Run)
                throw new StoreException($"{source}: its manifest says run '{manifest.Run}', its run.json '{info.Id}'.", notBundle);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new StoreException($"{source}: not a bundle: {e.Message}", notBundle, e);
        }
    }

    private static BundleManifest ReadManifest(string source, ZipArchive zip, string hint)
    {
        const int manifestBytes = 32 << 20;
        ZipArchiveEntry[] entries = [.. zip.Entries.Where(e => e.FullName == BundleManifest.FileName)];
        if (entries.Length != 1)
            throw new StoreException($"{source}: not a bundle: it has {(entries.Length == 0 ? "no" : "more than one")} manifest.json.",
                hint);
        try
        {
            using var buffer = new MemoryStream();
            using (Stream stream = entries[0].Open())
            {
                byte[] chunk = new byte[1 << 16];
                for (int got; (got = stream.Read(chunk)) > 0;)
                {
                    buffer.Write(chunk, 0, got);
                    if (buffer.Length > manifestBytes) throw TooLarge(source, "a manifest that is too large");
                }
            }

            BundleManifest? manifest = JsonSerializer.Deserialize<BundleManifest>(buffer.ToArray(), Json.Line);
            if (manifest is not { Schema: 1, Files: not null, Run: not null })
                throw new StoreException($"{source}: not a bundle this QuantBench can read.", hint);
            return manifest;
        }
        catch (JsonException e)
        {
            throw new StoreException($"{source}: its manifest.json can't be read: {e.Message}", hint, e);
        }
    }

    // Lengths in a zip's headers are claims: the bytes that really come are counted.
    private static long CopyTo(Stream input, string staging, string path, string source, long fileLimit, long totalLimit, out string sha256)
    {
        string target = Path.Combine(staging, path);
        Directory.CreateDirectory(Path.GetDirectoryName(target)!); // staging/path has a directory
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var output = new FileStream(target, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        byte[] chunk = new byte[1 << 16];
        long total = 0;
        for (int got; (got = input.Read(chunk)) > 0;)
        {
            total += got;
            if (total > fileLimit) throw TooLarge(source, $"'{path}' with more than {fileLimit} bytes");
            if (total > totalLimit) throw TooLarge(source, "more bytes than an import may have");
            hash.AppendData(chunk, 0, got);
            output.Write(chunk, 0, got);
        }

        output.Flush(flushToDisk: true);
        sha256 = Convert.ToHexStringLower(hash.GetHashAndReset());
        return total;
    }

    private static StoreException TooLarge(string source, string what) =>
        new($"{source}: refused: it holds {what}.",
            "If the bundle is yours, unpack it into the results directory and run 'quantbench results reindex'.");
}
