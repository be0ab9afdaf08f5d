using System.Text.Json;
using QuantBench.Inference.Servers;

namespace QuantBench.Engines.Remote.Clients;

/// <summary>One line of a pull; used again for the next. Fields as Ollama's API of 0.13 documents them (docs/api.md, POST
/// /api/pull).</summary>
internal sealed class OllamaPull
{
    /// <summary>What the server does.</summary>
    public string Status { get; private set; } = "";

    /// <summary>Bytes that are there.</summary>
    public long Done { get; private set; }

    /// <summary>All of them; 0 = not said.</summary>
    public long Total { get; private set; }

    /// <summary>Why it can't go on; null when it can.</summary>
    public string? Error { get; private set; }

    /// <summary>Whether the model is there.</summary>
    public bool Succeeded => Status == "success";

    /// <summary>Reads a line.</summary>
    /// <param name="json">Its JSON.</param>
    /// <exception cref="ServerException">It is none.</exception>
    public void Read(ReadOnlyMemory<byte> json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            JsonElement line = document.RootElement;
            Status = line.TryGetProperty("status"u8, out JsonElement status) && status.ValueKind == JsonValueKind.String
                ? status.GetString() ?? "" : "";
            Error = line.TryGetProperty("error"u8, out JsonElement error)
                ? error.ValueKind == JsonValueKind.String ? error.GetString() : error.GetRawText() : null;
            (Done, Total) = (Number(line, "completed"), Number(line, "total"));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ServerException(ServerFault.Malformed, $"a line of the pull isn't JSON of one: {e.Message}", null, e);
        }
    }

    private static long Number(JsonElement line, string name) =>
        line.TryGetProperty(name, out JsonElement found) && found.ValueKind == JsonValueKind.Number && found.TryGetInt64(out long number)
            ? Math.Max(0, number) : 0;
}
