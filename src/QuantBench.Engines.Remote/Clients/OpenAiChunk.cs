using System.Text.Json;
using QuantBench.Inference.Servers;

namespace QuantBench.Engines.Remote.Clients;

/// <summary>What matters of one chunk of a streamed chat completion; used again for the next.</summary>
internal sealed class OpenAiChunk
{
    /// <summary>Text of the answer.</summary>
    public string? Text { get; private set; }

    /// <summary>Text of reasoning.</summary>
    public string? Reasoning { get; private set; }

    /// <summary>Why the reply ends.</summary>
    public string? Finish { get; private set; }

    /// <summary>The server's count.</summary>
    public ServerUsage? Usage { get; private set; }

    /// <summary>An error inside of the stream.</summary>
    public string? Error { get; private set; }

    /// <summary>Reads a chunk.</summary>
    /// <param name="json">Its JSON.</param>
    /// <exception cref="ServerException">It is none.</exception>
    public void Read(ReadOnlySpan<byte> json)
    {
        (Text, Reasoning, Finish, Usage, Error) = (null, null, null, null, null);
        try
        {
            var reader = new Utf8JsonReader(json);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) throw new JsonException("no object");
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals("choices"u8)) Choices(ref reader);
                else if (reader.ValueTextEquals("usage"u8)) Usage = Counts(ref reader);
                else if (reader.ValueTextEquals("error"u8)) Error = Words(ref reader);
                else Skip(ref reader);
            }
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

        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
        {
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals("delta"u8)) Delta(ref reader);
                else if (reader.ValueTextEquals("finish_reason"u8)) Finish = NextText(ref reader) ?? Finish;
                else Skip(ref reader);
            }
        }
    }

    private void Delta(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("content"u8)) Text = NextText(ref reader);
            else if (reader.ValueTextEquals("reasoning_content"u8) || reader.ValueTextEquals("reasoning"u8))
                Reasoning = NextText(ref reader);
            else Skip(ref reader);
        }
    }

    private static ServerUsage? Counts(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return null;
        }

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

    private static int? Inner(ref Utf8JsonReader reader, ReadOnlySpan<byte> name)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return null;
        }

        int? found = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals(name)) found = NextInt(ref reader);
            else Skip(ref reader);
        }

        return found;
    }

    private static string? NextText(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.String) return reader.GetString();
        reader.Skip();
        return null;
    }

    private static int? NextInt(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out int value)) return value;
        reader.Skip();
        return null;
    }

    private static string Words(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.String) return reader.GetString() ?? "";
        using JsonDocument document = JsonDocument.ParseValue(ref reader);
        return document.RootElement.ValueKind == JsonValueKind.Object
            && document.RootElement.TryGetProperty("message", out JsonElement message) && message.ValueKind == JsonValueKind.String
            ? message.GetString() ?? "" : document.RootElement.GetRawText();
    }

    private static void Skip(ref Utf8JsonReader reader)
    {
        reader.Read();
        reader.Skip();
    }
}
