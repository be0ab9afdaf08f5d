using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using QuantBench.Core.Errors;
using QuantBench.Inference.Tasks;

namespace QuantBench.Runner.Tasks;

/// <summary>
/// llama-perplexity's files. HellaSwag: six lines an item, namely context, number of the right ending, four endings. Multiple choice,
/// binary, little-endian: number of items (u32), offset of each (u32); per item its question, its answers with one right one, and its
/// answers with several (which nothing reads): number (u32), texts, labels (i32; 1 = right). A text is its length (u32) and UTF-8.
/// </summary>
internal static class LlamaTaskFile
{
    private const int LinesPerItem = 6;
    private const int MostAnswers = 100;

    /// <summary>Whether a file is the binary one: the first item begins where the table of offsets ends.</summary>
    public static bool IsBinary(ReadOnlySpan<byte> bytes) => bytes.Length >= 8
        && BinaryPrimitives.ReadUInt32LittleEndian(bytes) is var count and > 0 && (count + 1L) * 4 <= bytes.Length
        && BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]) == (count + 1L) * 4;

    /// <summary>Reads the file of choices.</summary>
    /// <exception cref="ModelFormatException">It is broken.</exception>
    public static ImmutableArray<TaskItem> ReadBinary(string path, ReadOnlySpan<byte> bytes, int most)
    {
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        int at = checked((int)((count + 1L) * 4));
        var items = ImmutableArray.CreateBuilder<TaskItem>();
        for (int i = 0; i < count && i < most; i++)
        {
            string question = Text(bytes, ref at, path);
            (string[] answers, int gold) = Answers(bytes, ref at, path);
            _ = Answers(bytes, ref at, path);
            if (question.Length == 0 || answers.Length < 2 || gold < 0 || answers.Any(a => a.Length == 0))
                throw new ModelFormatException(path, at, $"item {i + 1} has no question, no two answers or no right one.");
            items.Add(new TaskItem((i + 1).ToString(CultureInfo.InvariantCulture), "choice")
            {
                Choices = [.. answers.Select(a => new TaskChoice(question, " " + a))],
                Gold = gold,
            });
        }

        return items.ToImmutable();
    }

    /// <summary>Reads the lines of HellaSwag.</summary>
    /// <exception cref="SuiteException">A line is broken.</exception>
    public static ImmutableArray<TaskItem> ReadLines(string path, string[] lines, int most)
    {
        lines = [.. lines.Select(l => l.TrimEnd('\r'))];
        if (lines is [.., ""]) lines = lines[..^1];
        if (lines.Length == 0 || lines.Length % LinesPerItem != 0)
        {
            throw new SuiteException(path, Math.Max(1, lines.Length), 1,
                $"{lines.Length} lines are no JSON lines, and as items of HellaSwag they would be {LinesPerItem} each.",
                "Write a JSON object a line; docs/suites.md shows the forms.");
        }

        var items = ImmutableArray.CreateBuilder<TaskItem>();
        for (int i = 0; i < lines.Length && items.Count < most; i += LinesPerItem)
        {
            if (!int.TryParse(lines[i + 1].Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int gold) || gold > 3)
                throw new SuiteException(path, i + 2, 1, $"'{lines[i + 1]}' is no number of an ending, 0 to 3.");
            string context = lines[i];
            items.Add(new TaskItem((items.Count + 1).ToString(CultureInfo.InvariantCulture), "hellaswag")
            {
                Choices = [.. lines[(i + 2)..(i + LinesPerItem)].Select(e => new TaskChoice(context, " " + e))],
                Gold = gold,
            });
        }

        return items.ToImmutable();
    }

    private static (string[] Texts, int Gold) Answers(ReadOnlySpan<byte> bytes, ref int at, string path)
    {
        uint count = Number(bytes, ref at, path);
        if (count > MostAnswers) throw new ModelFormatException(path, at - 4, $"an item claims {count} answers.");
        string[] texts = new string[count];
        for (int i = 0; i < texts.Length; i++) texts[i] = Text(bytes, ref at, path);
        int gold = -1;
        for (int i = 0; i < texts.Length; i++)
        {
            if (Number(bytes, ref at, path) == 1 && gold < 0) gold = i;
        }

        return (texts, gold);
    }

    private static string Text(ReadOnlySpan<byte> bytes, ref int at, string path)
    {
        uint length = Number(bytes, ref at, path);
        if (length > bytes.Length - at)
            throw new ModelFormatException(path, at - 4, $"a text claims {length} bytes of a file of {bytes.Length}.");
        string text = Encoding.UTF8.GetString(bytes.Slice(at, (int)length));
        at += (int)length;
        return text;
    }

    private static uint Number(ReadOnlySpan<byte> bytes, ref int at, string path)
    {
        if (bytes.Length - at < 4) throw new ModelFormatException(path, at, "the file ends within an item.");
        uint value = BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
        at += 4;
        return value;
    }
}
