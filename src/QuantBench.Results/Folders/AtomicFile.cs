using QuantBench.Core.Errors;

namespace QuantBench.Results.Folders;

/// <summary>Replaces a small file so that a reader sees the old content or the new, never a part.</summary>
public static class AtomicFile
{
    /// <summary>Writes a file, durably.</summary>
    /// <param name="path">The file.</param>
    /// <param name="content">All of its content.</param>
    /// <exception cref="StoreException">It can't be written; the old content stays.</exception>
    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        string temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0))
            {
                stream.Write(content);
                stream.Flush(flushToDisk: true);
            }

            // Crash point: the temporary file is whole, the rename isn't done. The old file stays valid; the left-over is ignored.
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            try
            {
                File.Delete(temporary);
            }
            catch (IOException)
            {
                // The first error is the one to report.
            }

            throw DiskFault.Store($"{path}: can't be written", e);
        }
    }
}
