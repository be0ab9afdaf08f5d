using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Errors;

namespace QuantBench.Inference.Tasks;

/// <summary>
/// The items of a task in the one form that workers read, a JSON object a line: <c>id</c>, <c>kind</c> and either <c>prompt</c> with
/// <c>answers</c>, or <c>choices</c> (pairs of context and text) with <c>gold</c>. The hash of the lines identifies the set.
/// </summary>
public sealed record TaskSet
{
    private TaskSet(ImmutableArray<TaskItem> items, byte[] lines) =>
        (Items, Lines, Sha256) = (items, lines, Convert.ToHexStringLower(SHA256.HashData(lines)));

    /// <summary>The items.</summary>
    public ImmutableArray<TaskItem> Items { get; }

    /// <summary>SHA-256 of <see cref="Lines"/>.</summary>
    public string Sha256 { get; }

    /// <summary>The set as it is stored, UTF-8.</summary>
    public ReadOnlyMemory<byte> Lines { get; }

    /// <summary>Makes a set.</summary>
    /// <param name="items">Its items, at least one.</param>
    public static TaskSet Of(ImmutableArray<TaskItem> items)
    {
        ArgumentOutOfRangeException.ThrowIfZero(items.Length);
        using var stream = new MemoryStream();
        using var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder = Json.Line.Encoder });
        foreach (TaskItem item in items)
        {
            Write(writer, item);
            writer.Flush();
            writer.Reset();
            stream.WriteByte((byte)'\n');
        }

        return new TaskSet(items, stream.ToArray());
    }

    /// <summary>Reads a stored set.</summary>
    /// <exception cref="ModelFormatException">The file isn't one.</exception>
    public static TaskSet Read(string path)
    {
        byte[] lines = DiskFault.AsRequest($"The items {path} can't be read", "Start the run again; it makes them.",
            () => File.ReadAllBytes(path));
        var items = ImmutableArray.CreateBuilder<TaskItem>();
        try
        {
            for (int at = 0; at < lines.Length;)
            {
                int length = lines.AsSpan(at).IndexOf((byte)'\n');
                if (length < 0) throw new JsonException("its last line has no end");
                items.Add(Read(lines.AsMemory(at, length)));
                at += length + 1;
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new ModelFormatException(path, null, $"item {items.Count + 1} isn't one: {e.Message}",
                "Delete the file; it is made again.", e);
        }

        return items.Count > 0 ? new TaskSet(items.ToImmutable(), lines)
            : throw new ModelFormatException(path, 0, "it has no item.", "Delete the file; it is made again.");
    }

    private static void Write(Utf8JsonWriter writer, TaskItem item)
    {
        writer.WriteStartObject();
        writer.WriteString("id"u8, item.Id);
        writer.WriteString("kind"u8, item.Kind);
        if (item.IsChoice)
        {
            writer.WriteStartArray("choices"u8);
            foreach (TaskChoice choice in item.Choices)
            {
                writer.WriteStartArray();
                writer.WriteStringValue(choice.Context);
                writer.WriteStringValue(choice.Text);
                writer.WriteEndArray();
            }

            writer.WriteEndArray();
            writer.WriteNumber("gold"u8, item.Gold);
        }
        else
        {
            writer.WriteString("prompt"u8, item.Prompt);
            writer.WriteStartArray("answers"u8);
            foreach (string answer in item.Answers) writer.WriteStringValue(answer);
            writer.WriteEndArray();
        }

        writer.WriteEndObject();
    }

    private static TaskItem Read(ReadOnlyMemory<byte> line)
    {
        using JsonDocument document = JsonDocument.Parse(line);
        JsonElement root = document.RootElement;
        var item = new TaskItem(Text(root, "id"), Text(root, "kind"));
        if (!root.TryGetProperty("choices", out JsonElement choices))
        {
            return item with
            {
                Prompt = Text(root, "prompt"),
                Answers = [.. root.GetProperty("answers").EnumerateArray().Select(a => a.GetString() ?? "")],
            };
        }

        item = item with
        {
            Choices = [.. choices.EnumerateArray().Select(c => new TaskChoice(c[0].GetString() ?? "", c[1].GetString() ?? ""))],
            Gold = root.GetProperty("gold").GetInt32(),
        };
        return item.Gold >= 0 && item.Gold < item.Choices.Length ? item : throw new FormatException("gold is no choice");
    }

    private static string Text(JsonElement of, string name) => of.GetProperty(name).GetString() ?? "";
}
