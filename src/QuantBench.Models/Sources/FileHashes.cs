using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Errors;
using QuantBench.Core.Files;

namespace QuantBench.Models.Sources;

/// <summary>SHA-256 of files, remembered in a directory by path and <see cref="FileStamp"/>.</summary>
/// <param name="cacheDirectory">Where they are remembered; null = nowhere. Made when it is missing.</param>
/// <param name="clock">The one clock.</param>
/// <param name="rehash">Reads every file, whatever is remembered.</param>
internal sealed class FileHashes(string? cacheDirectory, TimeProvider clock, bool rehash = false)
{
    // Change times move in steps, of 4 ms on Linux's own file systems and of up to 2 s on foreign ones: a file that changed less long ago
    // can change again without showing it.
    private static readonly TimeSpan s_settled = TimeSpan.FromSeconds(3);

    /// <summary>SHA-256 of a file's content, 64 lower-case hex digits.</summary>
    /// <exception cref="RequestException">The file can't be read.</exception>
    public string Sha256(string path)
    {
        return DiskFault.AsRequest($"The file '{path}' can't be read", "Check that it is there and may be read.", () =>
        {
            var stamp = FileStamp.Of(path);
            if (!rehash && Find(path, stamp) is { } remembered) return remembered;
            bool settled = stamp.IsSure
                && (clock.GetUtcNow() - DateTimeOffset.UnixEpoch - s_settled).Ticks > stamp.ChangedNs / 100;
            string sha256;
            using (FileStream stream = File.OpenRead(path)) sha256 = Convert.ToHexStringLower(SHA256.HashData(stream));
            if (settled && FileStamp.Of(path) == stamp) Remember(path, new Entry(path, stamp, sha256));
            return sha256;
        });
    }

    private static string PathOf(string cache, string path) =>
        Path.Combine(cache, $"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(path)).AsSpan(0, 16))}.json");

    private string? Find(string file, FileStamp stamp)
    {
        if (cacheDirectory is null || !stamp.IsSure) return null;
        try
        {
            Entry? entry = JsonSerializer.Deserialize<Entry>(File.ReadAllBytes(PathOf(cacheDirectory, file)), Json.Line);
            return entry is { Sha256.Length: 64 } && entry.Path == file && entry.Stamp == stamp ? entry.Sha256 : null;
        }
        catch (Exception e) when (e is JsonException || DiskFault.Is(e))
        {
            return null; // Not remembered, or not readable: it is computed again.
        }
    }

    private void Remember(string file, Entry entry)
    {
        if (cacheDirectory is null) return;
        string path = PathOf(cacheDirectory, file);
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

    private sealed record Entry(string Path, FileStamp Stamp, string Sha256);
}
