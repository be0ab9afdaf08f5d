using System.IO.Compression;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Errors;
using QuantBench.Inference.Tasks;

namespace QuantBench.Inference.Evaluators;

/// <summary>The answer to every item as gzipped JSON lines in the cell's folder.</summary>
internal static class TaskItemFile
{
    /// <summary>The file's name.</summary>
    public const string Name = "items.jsonl.gz";

    /// <summary>Writes the file; nothing without a folder.</summary>
    /// <param name="folder">The cell's folder; null = none.</param>
    /// <param name="set">The items.</param>
    /// <param name="answers">Their answers.</param>
    /// <param name="reference">The reference's; null when there are none.</param>
    /// <returns>Whether there is a file.</returns>
    /// <exception cref="StoreException">It can't be written.</exception>
    public static bool Write(string? folder, TaskSet set, TaskAnswer[] answers, TaskReference? reference)
    {
        if (folder is null) return false;
        DiskFault.AsStore($"The answers can't be written to {folder}", "Free some space.", () =>
        {
            Directory.CreateDirectory(folder);
            using var stream = new GZipStream(File.Create(Path.Combine(folder, Name)), CompressionLevel.Fastest);
            using var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder = Json.Line.Encoder });
            for (int i = 0; i < answers.Length; i++)
            {
                TaskItem item = set.Items[i];
                writer.WriteStartObject();
                writer.WriteString("id"u8, item.Id);
                writer.WriteString("kind"u8, item.Kind);
                writer.WriteBoolean("right"u8, answers[i].Right);
                writer.WriteString("answer"u8, answers[i].Text);
                if (item.IsChoice) writer.WriteNumber("expected"u8, item.Gold);
                else writer.WriteString("expected"u8, item.Answers[0]);
                if (reference is not null)
                {
                    writer.WriteBoolean("reference_right"u8, reference.Answers[i].Right);
                    writer.WriteString("reference_answer"u8, reference.Answers[i].Text);
                }

                writer.WriteEndObject();
                writer.Flush();
                writer.Reset();
                stream.WriteByte((byte)'\n');
            }
        });
        return true;
    }
}
