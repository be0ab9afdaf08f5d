using System.Collections.Immutable;
using System.IO.Compression;
using System.Text.Json;
using QuantBench.Core.Errors;
using QuantBench.Inference.Traffic;

namespace QuantBench.Inference.Evaluators;

/// <summary>
/// Every request of a launch with the time of each of its parts, beside the cell's result: a gzip file of JSON lines. A load's first line
/// says its measured time, the spans in which the load generator stood still, and those in which something else disturbed the machine;
/// times are microseconds from its start.
/// </summary>
internal sealed class RequestFile : IDisposable
{
    private readonly GZipStream? _stream;
    private readonly Utf8JsonWriter? _writer;

    /// <summary>Opens the file; without an output folder nothing is written.</summary>
    /// <exception cref="StoreException">It can't be written.</exception>
    public RequestFile(EvaluationContext context)
    {
        if (context.OutputFolder is not { } folder) return;
        Name = $"requests-{context.Launch}.jsonl.gz";
        try
        {
            Directory.CreateDirectory(folder);
            _stream = new GZipStream(File.Create(Path.Combine(folder, Name)), CompressionLevel.Fastest);
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            throw new StoreException($"{folder}: the requests can't be written ({e.Message}).", null, e);
        }

        _writer = new Utf8JsonWriter(_stream);
    }

    /// <summary>Name of the file; null when there is none.</summary>
    public string? Name { get; }

    /// <summary>Adds a load.</summary>
    /// <param name="log">What came of it.</param>
    /// <param name="plan">What was wanted.</param>
    /// <param name="disturbed">Spans in which something else disturbed it.</param>
    /// <exception cref="StoreException">It can't be written.</exception>
    public void Add(TrafficLog log, TrafficPlan plan, ImmutableArray<(long FromNs, long ToNs)> disturbed)
    {
        if (_stream is null || _writer is null) return;
        try
        {
            _writer.WriteStartObject();
            _writer.WriteString("arrivals"u8, plan.Arrivals.ToString().ToLowerInvariant());
            _writer.WriteNumber("rate"u8, plan.Rate);
            _writer.WriteNumber("from_us"u8, log.FromNs / 1000);
            _writer.WriteNumber("to_us"u8, log.ToNs / 1000);
            Spans("stalls_us", log.Stalls);
            Spans("disturbed_us", disturbed);
            End();
            foreach (RequestRecord request in log.Requests) Add(request);
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            throw new StoreException($"{Name}: the requests can't be written ({e.Message}).", null, e);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _writer?.Dispose();
        _stream?.Dispose();
    }

    private void Add(RequestRecord request)
    {
        Utf8JsonWriter writer = _writer!; // there, or nothing is added
        writer.WriteStartObject();
        writer.WriteNumber("i"u8, request.Index);
        if (request.Turn > 0) writer.WriteNumber("turn"u8, request.Turn);
        writer.WriteNumber("intended"u8, request.IntendedNs / 1000);
        writer.WriteNumber("sent"u8, request.SentNs / 1000);
        writer.WriteNumber("end"u8, request.EndNs / 1000);
        writer.WriteNumber("wanted"u8, request.Wanted);
        if (request.FirstAnswer > 0) writer.WriteNumber("reasoning"u8, request.FirstAnswer);
        if (request.Usage?.Prompt is { } prompt) writer.WriteNumber("prompt"u8, prompt);
        if (request.Usage?.Cached is { } cached) writer.WriteNumber("cached"u8, cached);
        if (request.Usage?.Generated is { } generated) writer.WriteNumber("generated"u8, generated);
        if (request.Timings?.PromptMs is { } promptMs) writer.WriteNumber("server_prompt_ms"u8, promptMs);
        if (request.Timings?.GenerateMs is { } generateMs) writer.WriteNumber("server_generate_ms"u8, generateMs);
        if (request.Fault is { } fault) writer.WriteString("fault"u8, fault.ToString().ToLowerInvariant());
        writer.WriteStartArray("parts"u8);
        foreach (long part in request.PartNs) writer.WriteNumberValue(part / 1000);
        writer.WriteEndArray();
        End();
    }

    private void Spans(string name, ImmutableArray<(long FromNs, long ToNs)> spans)
    {
        _writer!.WriteStartArray(name); // there, or nothing is added
        foreach ((long from, long to) in spans)
        {
            _writer.WriteNumberValue(from / 1000);
            _writer.WriteNumberValue(to / 1000);
        }

        _writer.WriteEndArray();
    }

    private void End()
    {
        _writer!.WriteEndObject(); // there, or nothing is added
        _writer.Flush();
        _writer.Reset();
        _stream!.WriteByte((byte)'\n');
    }
}
