using System.Buffers.Binary;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using QuantBench.Core;
using QuantBench.Core.Errors;
using QuantBench.Inference.Engines;

namespace QuantBench.Inference.Evaluators;

/// <summary>What a reference file was made from.</summary>
public sealed record ReferenceHeader
{
    /// <summary>Perplexity protocol id: which positions of which text.</summary>
    public required string Protocol { get; init; }

    /// <summary>Reference variant's id, e.g. <c>gguf:F32</c>.</summary>
    public required string Variant { get; init; }

    /// <summary>Tokens of the vocabulary.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Chunk length in tokens.</summary>
    public required int ContextLength { get; init; }

    /// <summary>Number of chunks.</summary>
    public required int Chunks { get; init; }

    /// <summary>SHA-256 of the reference artifact.</summary>
    public required string ArtifactSha256 { get; init; }

    /// <summary>Build of the engine that computed it.</summary>
    public required string EngineBuild { get; init; }
}

/// <summary>
/// The reference variant's distribution at every scored position, on disk. Layout, little-endian: magic <c>QBLP</c> (u32), version 2 (u32),
/// header length (u32), header (JSON), zeros to a multiple of 64, offset (i64) and length (i32) of the row of each scored position, chunk
/// after chunk, then the rows in no order (<see cref="ReferenceRow"/>). Version 1 kept whole rows. Rows are read and written in place by
/// offset, never mapped, so that the file doesn't count as this process's memory.
/// </summary>
public sealed class ReferenceLogProbabilities : IDisposable
{
    private const uint Magic = 0x504C4251; // "QBLP"
    private const uint Version = 2;
    private const int Prefix = 12;
    private const int MaxHeaderBytes = 1 << 20;
    private const int IndexEntry = 12;

    private readonly SafeFileHandle _file;
    private readonly string _path;
    private readonly byte[] _index;

    private ReferenceLogProbabilities(SafeFileHandle file, string path, ReferenceHeader header, byte[] index) =>
        (_file, _path, Header, _index) = (file, path, header, index);

    /// <summary>What the file was made from.</summary>
    public ReferenceHeader Header { get; }

    /// <summary>Computes the reference of a cell and writes it: a temporary file beside the output, renamed when whole.</summary>
    /// <param name="context">Cell (settings, device), artifact of the reference variant, text.</param>
    /// <param name="outputPath">Where to.</param>
    /// <param name="cancellationToken">Stops; nothing is left behind.</param>
    /// <returns>What was written.</returns>
    /// <exception cref="QuantBenchException">It can't be computed, or the disk is full.</exception>
    public static ReferenceHeader Compute(EvaluationContext context, string outputPath, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentException.ThrowIfNullOrEmpty(outputPath);
        ChunkPlan plan = ChunkPlan.Make(context.Text, context.Cell.Settings);
        string temporary = $"{outputPath}.{Environment.ProcessId}.tmp";
        try
        {
            ReferenceHeader header = Write(context, plan, temporary, cancellationToken);
            File.Move(temporary, outputPath, overwrite: true);
            return header;
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            throw DiskFault.Store($"The reference log-probabilities can't be written to {outputPath}", e,
                "Free some space, or score fewer chunks.");
        }
        finally
        {
            if (File.Exists(temporary)) File.Delete(temporary);
        }
    }

    /// <summary>Opens a file and checks that it is whole.</summary>
    /// <exception cref="ModelFormatException">It isn't a whole reference file.</exception>
    /// <exception cref="RequestException">It isn't there or can't be opened.</exception>
    public static ReferenceLogProbabilities Open(string path)
    {
        SafeFileHandle file = DiskFault.AsRequest(
            $"The reference log-probabilities {path} can't be opened", "They are computed when the reference variant is prepared.",
            () => File.OpenHandle(path));

        try
        {
            return Read(file, path);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Reads one row; may be called by several threads at once, each with a row and a buffer of its own.</summary>
    /// <param name="scored">Number of the scored position, chunk after chunk.</param>
    /// <param name="row">Receives it.</param>
    /// <param name="buffer">At least <see cref="ReferenceRow.MostBytes"/>.</param>
    /// <exception cref="ModelFormatException">The file was cut or changed while it was open.</exception>
    internal void ReadRow(int scored, ReferenceRow row, byte[] buffer)
    {
        (long offset, int length) = EntryOf(_index, scored);
        Span<byte> bytes = buffer.AsSpan(0, length);
        for (int done = 0; done < length;)
        {
            int read = RandomAccess.Read(_file, bytes[done..], offset + done);
            if (read == 0) throw Broken(_path, offset, "the file ends within a row.");
            done += read;
        }

        if (row.Read(bytes) is { } fault) throw Broken(_path, offset, $"the row of position {scored} is broken: {fault}.");
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static ReferenceHeader Write(EvaluationContext context, ChunkPlan plan, string path, CancellationToken cancellationToken)
    {
        using LoadedCell loaded = LoadedCell.Open(context, ChunkLoop.Options(plan, LoadedCell.CommonOptions(context, plan.ContextLength)),
            ChunkLoop.MostRows(plan), cancellationToken);
        plan.CheckVocabulary(loaded.Model.VocabularySize);
        IInferenceSession session = loaded.CreateSession();
        var header = new ReferenceHeader
        {
            Protocol = QualityProtocol.Perplexity(plan.Text, plan.ContextLength, plan.Chunks),
            Variant = context.Artifact.Variant.Id,
            VocabularySize = loaded.Model.VocabularySize,
            ContextLength = plan.ContextLength,
            Chunks = plan.Chunks,
            ArtifactSha256 = context.Artifact.Sha256,
            EngineBuild = context.Engine.Build,
        };
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(header, Json.Line);
        long indexStart = IndexStart(json.Length);
        byte[] index = new byte[(long)plan.Scored * IndexEntry];
        long end = indexStart + index.Length;

        // The length is claimed first, so that a full disk shows before minutes of computing.
        int mostBytes = ReferenceRow.MostBytes(header.VocabularySize);
        using SafeFileHandle file = File.OpenHandle(path, FileMode.Create, FileAccess.Write, FileShare.None,
            preallocationSize: end + (long)mostBytes * plan.Scored);
        byte[] head = new byte[indexStart];
        BinaryPrimitives.WriteUInt32LittleEndian(head, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(4), Version);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(8), (uint)json.Length);
        json.CopyTo(head, Prefix);
        RandomAccess.Write(file, head, 0);
        double[] nll = new double[plan.Scored];
        using var workers = new RowWorkers(loaded.Threads);
        (ReferenceRow Row, byte[] Bytes)[] lanes =
            [.. Enumerable.Range(0, workers.Count).Select(_ => (new ReferenceRow(header.VocabularySize), new byte[mostBytes]))];
        var loop = new ChunkLoop(plan, session, workers, (worker, scored, logits, target) =>
        {
            (ReferenceRow row, byte[] bytes) = lanes[worker];
            row.Take(logits, target, (ulong)scored);
            nll[scored] = row.IsFinite ? row.LogSum - row.Target : double.NaN;
            int length = row.Write(bytes);
            long offset = Interlocked.Add(ref end, length) - length;
            RandomAccess.Write(file, bytes.AsSpan(0, length), offset);
            BinaryPrimitives.WriteInt64LittleEndian(index.AsSpan(scored * IndexEntry), offset);
            BinaryPrimitives.WriteInt32LittleEndian(index.AsSpan(scored * IndexEntry + 8), length);
        });
        PerplexityEvaluator.RunTimed(context, plan, loop, nll, cancellationToken);
        _ = FinitePositions.Of(plan, nll); // a chunk without any ends it
        RandomAccess.Write(file, index, indexStart);
        RandomAccess.SetLength(file, end);
        RandomAccess.FlushToDisk(file);
        return header;
    }

    private static ReferenceLogProbabilities Read(SafeFileHandle file, string path)
    {
        long length = RandomAccess.GetLength(file);
        Span<byte> prefix = stackalloc byte[Prefix];
        if (length < Prefix || RandomAccess.Read(file, prefix, 0) < Prefix || BinaryPrimitives.ReadUInt32LittleEndian(prefix) != Magic)
        {
            throw Broken(path, 0, "this is not a file of reference log-probabilities.");
        }

        uint version = BinaryPrimitives.ReadUInt32LittleEndian(prefix[4..]);
        if (version != Version) throw Broken(path, 4, $"version {version} isn't known.");
        uint jsonLength = BinaryPrimitives.ReadUInt32LittleEndian(prefix[8..]);
        if (jsonLength > MaxHeaderBytes || jsonLength > length - Prefix)
            throw Broken(path, 8, $"the header claims {jsonLength} bytes of a file of {length}.");
        byte[] json = new byte[jsonLength];
        if (RandomAccess.Read(file, json, Prefix) < json.Length) throw Broken(path, Prefix, "the file ends within the header.");
        ReferenceHeader header;
        try
        {
            header = JsonSerializer.Deserialize<ReferenceHeader>(json, Json.Line) ?? throw Broken(path, Prefix, "the header is empty.");
        }
        catch (JsonException e)
        {
            throw Broken(path, Prefix, $"the header isn't what it should be: {e.Message}");
        }

        if (header.VocabularySize < 1 || header.ContextLength < 2 || header.Chunks < 1)
            throw Broken(path, Prefix, "the header holds sizes below 1.");
        return new ReferenceLogProbabilities(file, path, header, ReadIndex(file, path, header, IndexStart(json.Length), length));
    }

    // Every row lies within the file, and together they fill it: a file that was cut isn't read.
    private static byte[] ReadIndex(SafeFileHandle file, string path, ReferenceHeader header, long start, long length)
    {
        long positions = (long)header.Chunks * (header.ContextLength - 1 - header.ContextLength / 2);
        if (positions > (length - start) / (IndexEntry + sizeof(float)))
            throw Broken(path, start, $"the header promises {positions} rows, but the file has {length} bytes.");
        byte[] index = new byte[positions * IndexEntry];
        if (RandomAccess.Read(file, index, start) < index.Length) throw Broken(path, start, "the file ends within the index.");
        long first = start + index.Length, bytes = 0;
        int most = ReferenceRow.MostBytes(header.VocabularySize);
        for (int i = 0; i < positions; i++)
        {
            (long offset, int row) = EntryOf(index, i);
            if (offset < first || row < sizeof(float) || row > most || offset > length - row)
                throw Broken(path, start + ((long)i * IndexEntry), $"row {i} lies at byte {offset} with {row} bytes.");
            bytes += row;
        }

        if (first + bytes != length)
            throw Broken(path, null, $"the index promises {first + bytes} bytes, but the file has {length}.");
        return index;
    }

    private static (long Offset, int Length) EntryOf(byte[] index, int scored)
    {
        ReadOnlySpan<byte> entry = index.AsSpan(scored * IndexEntry, IndexEntry);
        return (BinaryPrimitives.ReadInt64LittleEndian(entry), BinaryPrimitives.ReadInt32LittleEndian(entry[8..]));
    }

    private static long IndexStart(int jsonLength) => (Prefix + jsonLength + 63L) / 64 * 64;

    private static ModelFormatException Broken(string path, long? offset, string problem) =>
        new(path, offset, problem, "Delete the file; it is computed again when needed.");
}
