using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Errors;

namespace QuantBench.Models.Sources;

/// <summary>SHA-256 of files, remembered in a directory by path, size and time of last change.</summary>
/// <param name="cacheDirectory">Where they are remembered; null = nowhere. Made when it is missing.</param>
internal sealed class FileHashes(string? cacheDirectory)
{
    /// <summary>SHA-256 of a file's content, 64 lower-case hex digits.</summary>
    /// <exception cref="RequestException">The file can't be read.</exception>
    public string Sha256(string path)
    {
        return DiskFault.AsRequest($"The file '{path}' can't be read", "Check that it is there and may be read.", () =>
        {
            var file = new FileInfo(path);
            var entry = new Entry(path, file.Length, file.LastWriteTimeUtc.Ticks, "");
            string? remembered = Find(entry);
            if (remembered is not null) return remembered;
            using FileStream stream = File.OpenRead(path);
            entry = entry with { Sha256 = Convert.ToHexStringLower(SHA256.HashData(stream)) };
            Remember(entry);
            return entry.Sha256;
        });
    }

    private static string PathOf(string cache, string path) =>
        Path.Combine(cache, $"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(path)).AsSpan(0, 16))}.json");

    private string? Find(Entry wanted)
    {
        if (cacheDirectory is null) return null;
        try
        {
            Entry? entry = JsonSerializer.Deserialize<Entry>(File.ReadAllBytes(PathOf(cacheDirectory, wanted.Path)), Json.Line);
            return entry is { Sha256.Length: 64 } && entry with { Sha256 = "" } == wanted ? entry.Sha256 : null;
        }
        catch (Exception e) when (e is JsonException || DiskFault.Is(e))
        {
            return null; // Not remembered, or not readable: it is computed again.
        }
    }

    private void Remember(Entry entry)
    {
        if (cacheDirectory is null) return;
        string path = PathOf(cacheDirectory, entry.Path);
        string temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            Directory.CreateDirectory(cacheDirectory);
            File.WriteAllBytes(temporary, JsonSerializer.SerializeToUtf8Bytes(entry, Json.Line));
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            // A cache that can't be written costs time, not the run.
        }
    }

    private sealed record Entry(string Path, long Size, long ModifiedTicks, string Sha256);
}
