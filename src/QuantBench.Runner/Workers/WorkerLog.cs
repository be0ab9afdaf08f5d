using System.Text;
using QuantBench.Core.Errors;

namespace QuantBench.Runner.Workers;

/// <summary>Takes a worker's standard error into a file and remembers its last lines for the reason of a failure.</summary>
/// <param name="path">The log's file; null = keep only the tail.</param>
/// <param name="keys">Takes keys out of it; null = those of this program's environment.</param>
internal sealed class WorkerLog(string? path, KeyFilter? keys = null)
{
    private const long MaxFileBytes = 16 << 20;
    private const int MaxTailBytes = 4096;

    private readonly Lock _gate = new();
    private readonly Queue<byte> _tail = new();
    private readonly KeyFilter _keys = keys ?? KeyFilter.OfEnvironment();

    /// <summary>Copies until the stream ends.</summary>
    /// <param name="source">Standard error of the worker.</param>
    /// <param name="cancellationToken">Stops copying.</param>
    public async Task CopyAsync(Stream source, CancellationToken cancellationToken)
    {
        FileStream? file = Open();
        try
        {
            byte[] buffer = new byte[16 << 10];
            long written = 0;
            int read;
            do
            {
                read = await source.ReadAsync(buffer, cancellationToken);
                ReadOnlyMemory<byte> said = read > 0 ? _keys.Next(buffer.AsMemory(0, read)) : _keys.Rest();
                Remember(said.Span);
                if (file is null || written > MaxFileBytes || said.IsEmpty) continue;
                written += said.Length;
                file = await WriteAsync(file,
                    written > MaxFileBytes ? "\n[the log is cut here: it passed 16 MiB]\n"u8.ToArray() : said, cancellationToken);
            }
            while (read > 0);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The pipe broke with the process; its exit says more.
        }
        finally
        {
            if (file is not null) await CloseAsync(file);
        }
    }

    /// <summary>The last lines, on one line, or an empty text.</summary>
    /// <param name="lines">Most lines.</param>
    public string Tail(int lines)
    {
        byte[] bytes;
        lock (_gate) bytes = [.. _tail];
        string[] all = Encoding.UTF8.GetString(bytes).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return string.Join(" | ", all.TakeLast(lines));
    }

    // A log that can't be written (disk full) must not cost the measurement it belongs to.
    private static async Task<FileStream?> WriteAsync(FileStream file, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        try
        {
            await file.WriteAsync(bytes, cancellationToken);
            return file;
        }
        catch (IOException)
        {
            await CloseAsync(file);
            return null;
        }
    }

    private static async Task CloseAsync(FileStream file)
    {
        try
        {
            await file.DisposeAsync();
        }
        catch (IOException)
        {
            // Its last bytes didn't fit on the disk.
        }
    }

    private FileStream? Open()
    {
        if (path is null) return null;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path) ?? ".");
            return new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite);
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            return null;
        }
    }

    private void Remember(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            foreach (byte one in bytes) _tail.Enqueue(one);
            while (_tail.Count > MaxTailBytes) _tail.Dequeue();
        }
    }
}
