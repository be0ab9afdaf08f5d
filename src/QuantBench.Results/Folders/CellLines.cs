using System.Buffers;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;

namespace QuantBench.Results.Folders;

/// <summary>Reads <c>cells.jsonl</c>. Text after the last newline is a line being written, or a torn one: it isn't read.</summary>
internal static class CellLines
{
    /// <summary>Longest line that is read; a cell with a million raw samples needs about 20 MB.</summary>
    public const int MaxLineBytes = 64 << 20;

    public static IReadOnlyList<CellResult> Read(string path)
    {
        var order = new List<CellId>();
        var last = new Dictionary<CellId, CellResult>();
        foreach (CellResult result in Lines(path))
        {
            if (!last.ContainsKey(result.Cell.Id)) order.Add(result.Cell.Id);
            last[result.Cell.Id] = result;
        }

        return [.. order.Select(id => last[id])];
    }

    /// <summary>One result per line, duplicates included, without figures that nothing could be computed from.</summary>
    public static IEnumerable<CellResult> Lines(string path) => LinesAsWritten(path).Select(RunCheck.Readable);

    /// <summary>One result per line, duplicates included.</summary>
    public static IEnumerable<CellResult> LinesAsWritten(string path)
    {
        if (!File.Exists(path)) yield break;
        using FileStream stream = OpenShared(path);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(1 << 16);
        try
        {
            int filled = 0;
            for (int number = 1; ;)
            {
                int got = stream.Read(buffer, filled, buffer.Length - filled);
                if (got == 0) yield break;
                int scanned = filled;
                filled += got;
                int start = 0;
                for (int end; (end = buffer.AsSpan(scanned, filled - scanned).IndexOf((byte)'\n')) >= 0;)
                {
                    end += scanned;
                    if (end > start) yield return Parse(path, number, buffer.AsSpan(start, end - start));
                    number++;
                    start = scanned = end + 1;
                }

                buffer.AsSpan(start, filled - start).CopyTo(buffer);
                filled -= start;
                if (filled == buffer.Length) buffer = Grow(path, number, buffer, filled);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Whether a text is the cause: no JSON, or not of the shape that was asked for.</summary>
    public static bool IsOfJson(Exception e) => e is JsonException or NotSupportedException or FormatException or ArgumentException
        or InvalidOperationException or OverflowException;

    private static FileStream OpenShared(string path)
    {
        return DiskFault.AsStore($"{path}: can't be read", "Check the file's permissions.",
            () => new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0));
    }

    private static byte[] Grow(string path, int number, byte[] buffer, int filled)
    {
        if (filled >= MaxLineBytes)
            throw new StoreException($"{path}: line {number} is longer than {MaxLineBytes >> 20} MiB.",
                "The file isn't QuantBench's; remove it from the results.");
        byte[] larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
        buffer.AsSpan(0, filled).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(buffer);
        return larger;
    }

    /// <summary>Reads one line.</summary>
    public static CellResult Parse(string path, int number, ReadOnlySpan<byte> line)
    {
        CellResult? result;
        try
        {
            result = JsonSerializer.Deserialize<CellResult>(line, Json.Line);
        }
        catch (Exception e) when (IsOfJson(e))
        {
            throw new StoreException(
                $"{path}: line {number} is not a cell's result: {e.Message}",
                "Remove the line; 'quantbench resume' measures its cell again.", e);
        }

        if (result?.Cell is null || result.Metrics.IsDefault)
            throw new StoreException($"{path}: line {number} holds no cell.",
                "Remove the line; 'quantbench resume' measures its cell again.");
        if (result.Schema != 1)
            throw new StoreException($"{path}: line {number} is in schema {result.Schema}, this QuantBench reads 1.",
                "Read it with a newer QuantBench.");
        if (RunCheck.Fault(result) is { } fault)
            throw new StoreException($"{path}: line {number} is not a cell's result: {fault}.",
                "Remove the line; 'quantbench resume' measures its cell again.");
        return result;
    }
}
