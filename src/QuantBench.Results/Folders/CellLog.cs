using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using QuantBench.Core;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;

namespace QuantBench.Results.Folders;

/// <summary>The append-only <c>cells.jsonl</c> of one run, open for writing. Invariant: <see cref="_length"/> bytes on disk are whole
/// lines.</summary>
internal sealed class CellLog : IDisposable
{
    private readonly string _path;
    private readonly SafeFileHandle _file;
    private readonly Action<SafeFileHandle, byte[], long> _write;
    private long _length;

    private CellLog(string path, SafeFileHandle file, Action<SafeFileHandle, byte[], long> write, long length, long healedBytes) =>
        (_path, _file, _write, _length, HealedBytes) = (path, file, write, length, healedBytes);

    /// <summary>Bytes that were cut off a torn last line on opening.</summary>
    public long HealedBytes { get; }

    /// <param name="folder">The run's folder.</param>
    /// <param name="write">Writes bytes at an offset; null for the real thing. Tests fill the disk here.</param>
    public static CellLog OpenForAppend(string folder, Action<SafeFileHandle, byte[], long>? write = null)
    {
        string path = Path.Combine(folder, RunFolder.CellsFile);
        SafeFileHandle? file = null;
        try
        {
            file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
            long length = RandomAccess.GetLength(file);
            long whole = WholeLength(file, length);
            if (whole < length) SetAside(file, whole, length, Path.Combine(folder, RunFolder.TornFile));
            return new CellLog(path, file, write ?? ((handle, bytes, at) => RandomAccess.Write(handle, bytes, at)), whole, length - whole);
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            file?.Dispose();
            throw DiskFault.Store($"{path}: can't be opened to append", e);
        }
    }

    public void Append(CellResult result)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(result, Json.Line);
        byte[] line = new byte[json.Length + 1];
        json.CopyTo(line, 0);
        line[^1] = (byte)'\n';
        try
        {
            _write(_file, line, _length);

            // Crash point 1: a part of the line is on disk. Open cuts it off and the cell is measured again.
            RandomAccess.FlushToDisk(_file);

            // Crash point 2: the line is durable, the index row isn't written. Reindex adds it.
            _length += line.Length;
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            Restore();
            throw DiskFault.Store($"{_path}: the result of cell {result.Cell.Id} can't be written", e);
        }
    }

    public void Dispose() => _file.Dispose();

    private void Restore()
    {
        try
        {
            RandomAccess.SetLength(_file, _length);
        }
        catch (IOException)
        {
            // The next Open heals the file; the write's error is the one to report.
        }
    }

    // Length up to and including the last newline.
    private static long WholeLength(SafeFileHandle file, long length)
    {
        byte[] buffer = new byte[64 * 1024];
        for (long end = length; end > 0;)
        {
            int want = (int)Math.Min(buffer.Length, end);
            long start = end - want;
            int got = RandomAccess.Read(file, buffer.AsSpan(0, want), start);
            int at = buffer.AsSpan(0, got).LastIndexOf((byte)'\n');
            if (at >= 0) return start + at + 1;
            end = start;
        }

        return 0;
    }

    private static void SetAside(SafeFileHandle file, long whole, long length, string tornPath)
    {
        // Kept before it is cut: a crash in between leaves the tail twice, never nowhere.
        using (var torn = new FileStream(tornPath, FileMode.Append, FileAccess.Write, FileShare.Read))
        {
            byte[] buffer = new byte[64 * 1024];
            for (long at = whole; at < length;)
            {
                int got = RandomAccess.Read(file, buffer.AsSpan(0, (int)Math.Min(buffer.Length, length - at)), at);
                if (got == 0) break;
                torn.Write(buffer, 0, got);
                at += got;
            }

            torn.WriteByte((byte)'\n');
            torn.Flush(flushToDisk: true);
        }

        RandomAccess.SetLength(file, whole);
        RandomAccess.FlushToDisk(file);
    }
}
