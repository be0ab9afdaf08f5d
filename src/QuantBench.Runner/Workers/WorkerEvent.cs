using System.Buffers;
using System.Text.Json;
using QuantBench.Inference.Evaluators;

namespace QuantBench.Runner.Workers;

/// <summary>A line of a worker's standard output.</summary>
public abstract record WorkerEvent
{
    private WorkerEvent()
    {
    }

    /// <summary>The worker has read its job.</summary>
    public sealed record Started : WorkerEvent;

    /// <summary>How far it is.</summary>
    /// <param name="Value">Phase, units, figure so far.</param>
    public sealed record Progress(EvaluationProgress Value) : WorkerEvent;

    /// <summary>It is done.</summary>
    /// <param name="Value">What it found.</param>
    public sealed record Result(WorkerResult Value) : WorkerEvent;

    /// <summary>It gave up.</summary>
    /// <param name="Message">What was wrong.</param>
    /// <param name="Hint">What to do next.</param>
    public sealed record Error(string Message, string? Hint) : WorkerEvent;

    /// <summary>Reads a line.</summary>
    /// <param name="line">UTF-8 JSON.</param>
    /// <returns>Null when the line isn't one of the protocol.</returns>
    public static WorkerEvent? TryRead(ReadOnlyMemory<byte> line)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("event", out JsonElement name)
                || name.ValueKind != JsonValueKind.String) return null;
            return name.GetString() switch
            {
                "started" => new Started(),
                "progress" => new Progress(new EvaluationProgress(
                    Text(root, "phase") ?? "", root.GetProperty("done").GetInt64(), root.GetProperty("total").GetInt64(),
                    Text(root, "detail") ?? "")),
                "result" =>
                    root.GetProperty("result").Deserialize(WorkerJson.Default.WorkerResult) is { } result ? new Result(result) : null,
                "error" => new Error(Text(root, "message") ?? "", Text(root, "hint")),
                _ => null,
            };
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    private static string? Text(JsonElement root, string key) =>
        root.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}

/// <summary>Writes the protocol's lines, each with one call, so that two threads' lines can't mix.</summary>
/// <param name="output">The worker's standard output.</param>
internal sealed class WorkerEventWriter(Stream output)
{
    private readonly Lock _gate = new();
    private readonly ArrayBufferWriter<byte> _buffer = new();

    public void Started() => Write("started", static _ => { });

    public void Progress(EvaluationProgress progress) => Write("progress", json =>
    {
        json.WriteString("phase", progress.Phase);
        json.WriteNumber("done", progress.Done);
        json.WriteNumber("total", progress.Total);
        json.WriteString("detail", progress.Detail);
    });

    public void Result(WorkerResult result) => Write("result", json =>
    {
        json.WritePropertyName("result");
        JsonSerializer.Serialize(json, result, WorkerJson.Default.WorkerResult);
    });

    public void Error(string message, string? hint) => Write("error", json =>
    {
        json.WriteString("message", message);
        if (hint is not null) json.WriteString("hint", hint);
    });

    private void Write(string name, Action<Utf8JsonWriter> body)
    {
        lock (_gate)
        {
            _buffer.Clear();
            using (var json = new Utf8JsonWriter(_buffer))
            {
                json.WriteStartObject();
                json.WriteString("event", name);
                body(json);
                json.WriteEndObject();
            }

            _buffer.Write("\n"u8);
            output.Write(_buffer.WrittenSpan);
            output.Flush();
        }
    }
}
