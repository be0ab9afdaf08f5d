using System.Text.Json;

namespace QuantBench.Engines.Remote.Clients;

/// <summary>Values behind the name that a reader stands on; of another kind than asked for they are passed over, as clients do.</summary>
internal static class JsonFields
{
    /// <summary>A text; null when it is none.</summary>
    /// <param name="reader">On the name; then on the value.</param>
    /// <param name="known">A text that it is often; given back where it is, instead of a new one.</param>
    public static string? NextText(ref Utf8JsonReader reader, string? known = null)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.String)
            return known is not null && reader.ValueTextEquals(known) ? known : reader.GetString();
        reader.Skip();
        return null;
    }

    /// <summary>A number; null when it is none.</summary>
    /// <param name="reader">On the name; then on the value.</param>
    public static double? NextNumber(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Number && reader.TryGetDouble(out double value)) return value;
        reader.Skip();
        return null;
    }

    /// <summary>Whether an object begins; anything else is passed over.</summary>
    /// <param name="reader">On the name; then on the object's beginning, or on the value's end.</param>
    public static bool NextObject(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.StartObject) return true;
        reader.Skip();
        return false;
    }

    /// <summary>The words of an error: a text, an object's <c>message</c>, or the JSON itself; null where null says that there is
    /// none.</summary>
    /// <param name="reader">On the name; then on the value's end.</param>
    public static string? NextError(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Null) return null;
        if (reader.TokenType == JsonTokenType.String) return reader.GetString() ?? "";
        using JsonDocument document = JsonDocument.ParseValue(ref reader);
        return document.RootElement.ValueKind == JsonValueKind.Object
            && document.RootElement.TryGetProperty("message", out JsonElement message) && message.ValueKind == JsonValueKind.String
            ? message.GetString() ?? "" : document.RootElement.GetRawText();
    }

    /// <summary>Passes over any value.</summary>
    /// <param name="reader">On the name; then on the value's end.</param>
    /// <returns>What the value is, or begins with.</returns>
    public static JsonTokenType Skip(ref Utf8JsonReader reader)
    {
        reader.Read();
        JsonTokenType kind = reader.TokenType;
        reader.Skip();
        return kind;
    }

    /// <summary>Writes what every request begins with: the model, and the messages or the prompt.</summary>
    /// <param name="writer">Inside of the request's object.</param>
    /// <param name="request">The request.</param>
    public static void WriteAsked(Utf8JsonWriter writer, Inference.Servers.ServerRequest request)
    {
        writer.WriteString("model"u8, request.Model);
        if (request.Prompt is { } prompt)
        {
            writer.WriteString("prompt"u8, prompt);
            return;
        }

        writer.WriteStartArray("messages"u8);
        foreach (Inference.Servers.ServerMessage turn in request.Messages)
        {
            writer.WriteStartObject();
            writer.WriteString("role"u8, turn.Role);
            writer.WriteString("content"u8, turn.Text);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }
}
