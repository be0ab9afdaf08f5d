using System.Text;
using System.Text.Json;
using QuantBench.Inference.Servers;
using static QuantBench.Engines.Remote.Clients.JsonFields;

namespace QuantBench.Engines.Remote.Clients;

/// <summary>
/// What matters of one chunk of a streamed completion; used again for the next. Fields as OpenAI's API of 2025-10, vLLM 0.11, llama.cpp
/// b6800 and later, TGI 3, LM Studio 0.3, mlx-lm 0.28 and OpenRouter write them; what else stands in a chunk is passed over.
/// </summary>
internal sealed class OpenAiChunk
{
    private string? _model;

    /// <summary>Text of the answer.</summary>
    public string? Text { get; private set; }

    /// <summary>Text of reasoning.</summary>
    public string? Reasoning { get; private set; }

    /// <summary>Why the reply ends.</summary>
    public string? Finish { get; private set; }

    /// <summary>The model that the server says it runs.</summary>
    public string? Model { get; private set; }

    /// <summary>The server's count.</summary>
    public ServerUsage? Usage { get; private set; }

    /// <summary>The server's times, as llama-server writes them.</summary>
    public ServerTimings? Timings { get; private set; }

    /// <summary>An error inside of the stream.</summary>
    public string? Error { get; private set; }

    /// <summary>Whether it is a whole completion: the server doesn't stream.</summary>
    public bool IsWhole { get; private set; }

    /// <summary>Reads a chunk.</summary>
    /// <param name="json">Its JSON.</param>
    /// <exception cref="ServerException">It is none.</exception>
    public void Read(ReadOnlySpan<byte> json)
    {
        (Text, Reasoning, Finish, Model, Usage, Timings, Error, IsWhole) = (null, null, null, null, null, null, null, false);
        try
        {
            var reader = new Utf8JsonReader(json);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) throw new JsonException("no object");
            string? kind = null;
            string? message = null;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals("choices"u8)) Choices(ref reader);
                else if (reader.ValueTextEquals("usage"u8)) Usage = Counts(ref reader) ?? Usage;
                else if (reader.ValueTextEquals("timings"u8)) Timings = Times(ref reader);
                else if (reader.ValueTextEquals("error"u8)) Error = NextError(ref reader);
                else if (reader.ValueTextEquals("model"u8)) Model = _model = NextText(ref reader, _model);
                else if (reader.ValueTextEquals("object"u8)) kind = NextText(ref reader);
                else if (reader.ValueTextEquals("message"u8)) message = NextError(ref reader);
                else Skip(ref reader);
            }

            // vLLM before 0.9: {"object":"error","message":…}
            if (kind == "error") Error ??= message ?? "an error without words";
            _ = reader.Read(); // throws where something stands behind the object
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ServerException(ServerFault.Malformed, $"a chunk of the reply isn't JSON of a completion: {e.Message}", null, e);
        }
    }

    private void Choices(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            reader.Skip();
            return;
        }

        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                reader.Skip();
                continue;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals("delta"u8)) Delta(ref reader);
                else if (reader.ValueTextEquals("text"u8)) Text = NextText(ref reader); // completions without roles
                else if (reader.ValueTextEquals("finish_reason"u8)) Finish = NextText(ref reader) is { Length: > 0 } why ? why : Finish;
                else if (reader.ValueTextEquals("message"u8))
                {
                    IsWhole = true;
                    Skip(ref reader);
                }
                else Skip(ref reader);
            }
        }
    }

    private void Delta(ref Utf8JsonReader reader)
    {
        if (!NextObject(ref reader)) return;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("content"u8)) Text = NextContent(ref reader);
            // llama-server, vLLM before 0.12, DeepSeek; OpenRouter, vLLM since, TGI; a server may write both with the same text.
            else if (reader.ValueTextEquals("reasoning_content"u8) || reader.ValueTextEquals("reasoning"u8))
                Reasoning = NextText(ref reader) is { Length: > 0 } thought ? thought : Reasoning;
            else Skip(ref reader);
        }
    }

    private static ServerUsage? Counts(ref Utf8JsonReader reader)
    {
        if (!NextObject(ref reader)) return null;
        int? prompt = null;
        int? generated = null;
        int? cached = null;
        int? reasoning = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("prompt_tokens"u8)) prompt = NextInt(ref reader);
            else if (reader.ValueTextEquals("completion_tokens"u8)) generated = NextInt(ref reader);
            else if (reader.ValueTextEquals("prompt_tokens_details"u8)) cached = Inner(ref reader, "cached_tokens"u8);
            else if (reader.ValueTextEquals("completion_tokens_details"u8)) reasoning = Inner(ref reader, "reasoning_tokens"u8);
            else Skip(ref reader);
        }

        return new ServerUsage(prompt, cached, generated, reasoning);
    }

    private ServerTimings? Times(ref Utf8JsonReader reader)
    {
        if (!NextObject(ref reader)) return null;
        double? prompt = null;
        double? generate = null;
        int? cached = null;
        int? evaluated = null;
        int? generated = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("prompt_ms"u8)) prompt = NextNumber(ref reader);
            else if (reader.ValueTextEquals("predicted_ms"u8)) generate = NextNumber(ref reader);
            else if (reader.ValueTextEquals("cache_n"u8)) cached = NextInt(ref reader);
            else if (reader.ValueTextEquals("prompt_n"u8)) evaluated = NextInt(ref reader);
            else if (reader.ValueTextEquals("predicted_n"u8)) generated = NextInt(ref reader);
            else Skip(ref reader);
        }

        // Its count stands in for a usage that isn't there.
        if (generated is not null) Usage ??= new ServerUsage(evaluated + (cached ?? 0), cached, generated, null);
        return new ServerTimings(null, null, prompt, generate, null);
    }

    private static int? Inner(ref Utf8JsonReader reader, ReadOnlySpan<byte> name)
    {
        if (!NextObject(ref reader)) return null;
        int? found = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals(name)) found = NextInt(ref reader);
            else Skip(ref reader);
        }

        return found;
    }

    // A text, or parts of which some are texts.
    private static string? NextContent(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.String) return reader.GetString();
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            reader.Skip();
            return null;
        }

        var text = new StringBuilder();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType == JsonTokenType.String) text.Append(reader.GetString());
            else if (reader.TokenType != JsonTokenType.StartObject) reader.Skip();
            else
            {
                while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                {
                    if (reader.ValueTextEquals("text"u8)) text.Append(NextText(ref reader));
                    else Skip(ref reader);
                }
            }
        }

        return text.ToString();
    }

    private static int? NextInt(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out int value)) return value;
        reader.Skip();
        return null;
    }
}
