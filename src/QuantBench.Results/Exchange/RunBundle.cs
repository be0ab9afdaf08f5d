using System.IO.Compression;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Errors;
using QuantBench.Results.Folders;

namespace QuantBench.Results.Exchange;

/// <summary>Writes a run's folder as one zip file with a manifest of hashes, for sending to another machine.</summary>
public static class RunBundle
{
    // The same folder gives the same bytes.
    private static readonly DateTimeOffset s_time = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Writes the bundle.</summary>
    /// <param name="runFolder">The run's folder; its runner must have finished with it.</param>
    /// <param name="output">Where to write; stays open.</param>
    /// <exception cref="StoreException">Not a run's folder, being written by a runner, or unreadable.</exception>
    public static void Write(string runFolder, Stream output)
    {
        ArgumentNullException.ThrowIfNull(runFolder);
        ArgumentNullException.ThrowIfNull(output);
        string folder = Path.GetFullPath(runFolder);
        string id = RunFolder.ReadInfo(folder).Id;
        DiskFault.AsStore($"{folder}: can't be bundled", null, () =>
        {
            BundleManifest manifest = BundleManifest.OfFolder(folder, id);
            using var zip = new ZipArchive(output, ZipArchiveMode.Create, leaveOpen: true);
            using (Stream entry = Entry(zip, BundleManifest.FileName)) JsonSerializer.Serialize(entry, manifest, Json.Pretty);
            foreach (string path in manifest.Files.Keys)
            {
                using Stream entry = Entry(zip, path);
                using var file = new FileStream(Path.Combine(folder, path), FileMode.Open, FileAccess.Read,
                    FileShare.ReadWrite | FileShare.Delete);
                file.CopyTo(entry);
            }
        });
    }

    private static Stream Entry(ZipArchive zip, string name)
    {
        ZipArchiveEntry entry = zip.CreateEntry(name, CompressionLevel.Optimal);
        entry.LastWriteTime = s_time;
        return entry.Open();
    }
}
