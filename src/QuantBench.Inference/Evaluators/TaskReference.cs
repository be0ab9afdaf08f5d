using System.Collections.Immutable;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Errors;

namespace QuantBench.Inference.Evaluators;

/// <summary>The reference's answers on disk: a JSON line that says what they are of, then one line an item.</summary>
/// <param name="Protocol">How the items were asked and judged.</param>
/// <param name="Variant">Id of the reference variant.</param>
/// <param name="Artifact">SHA-256 of its artifact; empty for a model of a server.</param>
/// <param name="Answers">Its answers.</param>
internal sealed record TaskReference(string Protocol, string Variant, string Artifact, ImmutableArray<TaskAnswer> Answers)
{
    /// <summary>Writes the file.</summary>
    /// <exception cref="StoreException">It can't be written.</exception>
    public void Write(string path) => DiskFault.AsStore($"The reference's answers can't be written to {path}", "Free some space.", () =>
    {
        using FileStream stream = File.Create(path);
        using var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder = Json.Line.Encoder });
        writer.WriteStartObject();
        writer.WriteString("protocol"u8, Protocol);
        writer.WriteString("variant"u8, Variant);
        writer.WriteString("artifact"u8, Artifact);
        writer.WriteNumber("items"u8, Answers.Length);
        End();
        foreach (TaskAnswer answer in Answers)
        {
            writer.WriteStartObject();
            writer.WriteBoolean("right"u8, answer.Right);
            writer.WriteString("answer"u8, answer.Text);
            End();
        }

        void End()
        {
            writer.WriteEndObject();
            writer.Flush();
            writer.Reset();
            stream.WriteByte((byte)'\n');
        }
    });

    /// <summary>Reads a file.</summary>
    /// <exception cref="ModelFormatException">It isn't a whole one.</exception>
    public static TaskReference Read(string path)
    {
        string[] lines = DiskFault.AsRequest($"The reference's answers {path} can't be read", "Start the run again; it makes them.",
            () => File.ReadAllLines(path));
        try
        {
            using JsonDocument head = JsonDocument.Parse(lines.Length > 0 ? lines[0] : "");
            JsonElement root = head.RootElement;
            if (root.GetProperty("items").GetInt32() != lines.Length - 1) throw new FormatException("it isn't whole");
            return new TaskReference(Text(root, "protocol"), Text(root, "variant"), Text(root, "artifact"), [.. lines.Skip(1).Select(l =>
            {
                using JsonDocument line = JsonDocument.Parse(l);
                return new TaskAnswer(line.RootElement.GetProperty("right").GetBoolean(), Text(line.RootElement, "answer"));
            })]);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new ModelFormatException(path, null, $"these are no reference's answers: {e.Message}",
                "Delete the file; it is made again.", e);
        }
    }

    private static string Text(JsonElement of, string name) => of.GetProperty(name).GetString() ?? "";
}
