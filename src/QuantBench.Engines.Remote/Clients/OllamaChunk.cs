using System.Text.Json;
using QuantBench.Inference.Servers;
using static QuantBench.Engines.Remote.Clients.JsonFields;

namespace QuantBench.Engines.Remote.Clients;

/// <summary>
/// What matters of one line of a streamed chat; used again for the next. Fields as Ollama's API of 0.13 documents them
/// (docs/api.md, POST /api/chat).
/// </summary>
internal sealed class OllamaChunk
{
    private const double NanosecondsPerMillisecond = 1e6;

    /// <summary>Text of the answer.</summary>
    public string? Text { get; private set; }

    /// <summary>Text of reasoning.</summary>
    public string? Reasoning { get; private set; }

    /// <summary>The model that answers.</summary>
    public string? Model { get; private set; }

    /// <summary>Whether it is the last line.</summary>
    public bool Done { get; private set; }

    /// <summary>Why the reply ends.</summary>
    public string? Finish { get; private set; }

    /// <summary>The server's count; null before the last line.</summary>
    public ServerUsage? Usage { get; private set; }

    /// <summary>The server's times; null before the last line. A duration of 0 isn't one: old versions write it where they didn't
    /// measure.</summary>
    public ServerTimings? Timings { get; private set; }

    /// <summary>An error inside of the stream.</summary>
    public string? Error { get; private set; }

    /// <summary>Reads a line.</summary>
    /// <param name="json">Its JSON.</param>
    /// <exception cref="ServerException">It is none.</exception>
    public void Read(ReadOnlySpan<byte> json)
    {
        (Text, Reasoning, Model, Done, Finish, Usage, Timings, Error) = (null, null, null, false, null, null, null, null);
        int? prompt = null, generated = null;
        double? total = null, load = null, promptTime = null, generateTime = null;
        try
        {
            var reader = new Utf8JsonReader(json);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) throw new JsonException("no object");
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals("message"u8)) Message(ref reader);
                else if (reader.ValueTextEquals("response"u8)) Text = NextText(ref reader);
                else if (reader.ValueTextEquals("thinking"u8)) Reasoning = NextText(ref reader);
                else if (reader.ValueTextEquals("model"u8)) Model = NextText(ref reader);
                else if (reader.ValueTextEquals("done"u8)) Done = Skip(ref reader) == JsonTokenType.True;
                else if (reader.ValueTextEquals("done_reason"u8)) Finish = NextText(ref reader);
                else if (reader.ValueTextEquals("error"u8)) Error = NextError(ref reader);
                else if (reader.ValueTextEquals("prompt_eval_count"u8)) prompt = (int?)NextNumber(ref reader);
                else if (reader.ValueTextEquals("eval_count"u8)) generated = (int?)NextNumber(ref reader);
                else if (reader.ValueTextEquals("total_duration"u8)) total = NextTime(ref reader);
                else if (reader.ValueTextEquals("load_duration"u8)) load = NextTime(ref reader);
                else if (reader.ValueTextEquals("prompt_eval_duration"u8)) promptTime = NextTime(ref reader);
                else if (reader.ValueTextEquals("eval_duration"u8)) generateTime = NextTime(ref reader);
                else Skip(ref reader);
            }

            _ = reader.Read(); // throws where something stands behind the object
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ServerException(ServerFault.Malformed, $"a line of the reply isn't JSON of a chat: {e.Message}", null, e);
        }

        if (!Done) return;
        Usage = new ServerUsage(prompt, null, generated, null);
        Timings = new ServerTimings(load, null, promptTime, generateTime, total);
    }

    private void Message(ref Utf8JsonReader reader)
    {
        if (!NextObject(ref reader)) return;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("content"u8)) Text = NextText(ref reader);
            else if (reader.ValueTextEquals("thinking"u8)) Reasoning = NextText(ref reader);
            else Skip(ref reader);
        }
    }

    private static double? NextTime(ref Utf8JsonReader reader) =>
        NextNumber(ref reader) is { } nanoseconds and > 0 ? nanoseconds / NanosecondsPerMillisecond : null;
}
