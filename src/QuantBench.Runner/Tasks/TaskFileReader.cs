using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using QuantBench.Core.Errors;
using QuantBench.Inference.Tasks;

namespace QuantBench.Runner.Tasks;

/// <summary>
/// Items of a user's file. JSON lines in our own form (<c>prompt</c> with <c>answer</c> or <c>answers</c>, or with <c>choices</c> and
/// <c>gold</c>) or in those of HellaSwag, Winogrande, ARC, MMLU and GSM8K, with the prompts that lm-evaluation-harness makes of them;
/// llama-perplexity's files for its modes HellaSwag and multiple choice (<see cref="LlamaTaskFile"/>).
/// </summary>
internal static class TaskFileReader
{
    private const string Forms =
        "an item is {prompt, answer}, {prompt, choices, gold}, or a line of HellaSwag, Winogrande, ARC, MMLU or GSM8K; docs/suites.md "
            + "shows them";

    private static readonly Encoding s_strictUtf8 = new UTF8Encoding(false, throwOnInvalidBytes: true);

    /// <summary>Reads items.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="bytes">Its content.</param>
    /// <param name="most">Most items.</param>
    /// <exception cref="SuiteException">A line is broken.</exception>
    /// <exception cref="ModelFormatException">The file is broken.</exception>
    public static ImmutableArray<TaskItem> Read(string path, byte[] bytes, int most)
    {
        if (LlamaTaskFile.IsBinary(bytes)) return LlamaTaskFile.ReadBinary(path, bytes, most);
        string text;
        try
        {
            text = s_strictUtf8.GetString(bytes.AsSpan().StartsWith("\uFEFF"u8) ? bytes.AsSpan(3) : bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw new ModelFormatException(path, e.Index, "it is neither UTF-8 nor llama-perplexity's file of choices.", Forms, e);
        }

        string[] lines = text.Split('\n');
        if (!text.AsSpan().TrimStart().StartsWith("{")) return LlamaTaskFile.ReadLines(path, lines, most);
        var items = ImmutableArray.CreateBuilder<TaskItem>();
        for (int i = 0; i < lines.Length && items.Count < most; i++)
        {
            if (string.IsNullOrWhiteSpace(lines[i])) continue;
            try
            {
                using JsonDocument document = JsonDocument.Parse(lines[i]);
                items.Add(Item(document.RootElement, items.Count + 1)
                    ?? throw new SuiteException(path, i + 1, 1, "this line is no item that is known.", Forms));
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
            {
                throw new SuiteException(path, i + 1, 1, $"this line is no item: {e.Message}", Forms, e);
            }
        }

        return items.Count > 0 ? items.ToImmutable() : throw new SuiteException(path, 1, 1, "the file has no item.", Forms);
    }

    private static TaskItem? Item(JsonElement line, int number)
    {
        if (line.ValueKind != JsonValueKind.Object) return null;
        string id = line.TryGetProperty("id", out JsonElement given) ? Scalar(given) : number.ToString(CultureInfo.InvariantCulture);
        string? kind = Text(line, "kind");
        if (Text(line, "prompt") is { Length: > 0 } prompt)
        {
            return line.TryGetProperty("choices", out JsonElement own)
                ? Choice(id, kind ?? "choice", prompt, [.. Texts(own)], Number(line, "gold") ?? Number(line, "answer"))
                : Generated(id, kind ?? "answer", prompt, line);
        }

        if (line.TryGetProperty("endings", out JsonElement endings))
        {
            string context = Text(line, "ctx") ?? "";
            if (Text(line, "activity_label") is { Length: > 0 } label) context = $"{label}: {context}";
            return Choice(id, kind ?? "hellaswag", context, [.. Texts(endings).Select(e => " " + e)], Number(line, "label"));
        }

        if (Text(line, "sentence") is { } sentence) return Winogrande(id, kind ?? "winogrande", sentence, line);
        if (Text(line, "question") is not { Length: > 0 } question) return null;
        if (!line.TryGetProperty("choices", out JsonElement choices))
            return Generated(id, kind ?? "answer", $"Question: {question}\nAnswer:", line);
        if (choices.ValueKind == JsonValueKind.Object) // ARC
        {
            string[] labels = [.. Texts(choices.GetProperty("label"))];
            return Choice(id, kind ?? "arc", $"Question: {question}\nAnswer:", [.. Texts(choices.GetProperty("text")).Select(t => " " + t)],
                Array.IndexOf(labels, Scalar(line.GetProperty("answerKey"))));
        }

        string[] texts = [.. Texts(choices)]; // MMLU
        string listed = string.Concat(texts.Select((t, i) => $"{(char)('A' + i)}. {t}\n"));
        return Choice(id, kind ?? Text(line, "subject") ?? "mmlu", $"{question.Trim()}\n{listed}Answer:",
            [.. texts.Select((_, i) => $" {(char)('A' + i)}")], Gold(line));
    }

    private static TaskItem? Generated(string id, string kind, string prompt, JsonElement line)
    {
        string[] answers = line.TryGetProperty("answers", out JsonElement many) ? [.. Texts(many)]
            : line.TryGetProperty("answer", out JsonElement one)
                ? one.ValueKind == JsonValueKind.Array ? [.. Texts(one)] : [Scalar(one)] : [];
        // GSM8K writes how it comes to the answer before it.
        const string Mark = "####";
        answers =
            [.. answers.Select(a => a.LastIndexOf(Mark, StringComparison.Ordinal) is var at and >= 0 ? a[(at + Mark.Length)..].Trim() : a)];
        return answers.Length > 0 ? new TaskItem(id, kind) { Prompt = prompt, Answers = [.. answers] } : null;
    }

    private static TaskItem? Choice(string id, string kind, string context, string[] texts, int? gold) =>
        context.Length > 0 && texts.Length > 1 && gold >= 0 && gold < texts.Length && texts.All(t => t.Length > 0)
            ? new TaskItem(id, kind) { Choices = [.. texts.Select(t => new TaskChoice(context, t))], Gold = gold.Value } : null;

    // What is scored stands behind the gap, and is the same for both.
    private static TaskItem? Winogrande(string id, string kind, string sentence, JsonElement line)
    {
        int gap = sentence.IndexOf('_', StringComparison.Ordinal);
        if (gap < 0 || gap == sentence.Length - 1 || Text(line, "option1") is not { } one || Text(line, "option2") is not { } other)
            return null;
        int? answer = Number(line, "answer");
        return answer is 1 or 2 ? new TaskItem(id, kind)
        {
            Choices = [.. ((string[])[one, other]).Select(o => new TaskChoice(sentence[..gap] + o, sentence[(gap + 1)..]))],
            Gold = answer.Value - 1,
        } : null;
    }

    private static int? Gold(JsonElement line) =>
        Text(line, "answer") is [>= 'A' and <= 'Z' and var letter] ? letter - 'A' : Number(line, "answer");

    private static string? Text(JsonElement of, string name) =>
        of.TryGetProperty(name, out JsonElement found) && found.ValueKind == JsonValueKind.String ? found.GetString() : null;

    private static int? Number(JsonElement of, string name) => !of.TryGetProperty(name, out JsonElement found) ? null
        : found.ValueKind == JsonValueKind.Number && found.TryGetInt32(out int number) ? number
        : found.ValueKind == JsonValueKind.String
            && int.TryParse(found.GetString(), NumberStyles.None, CultureInfo.InvariantCulture, out number) ? number : null;

    private static IEnumerable<string> Texts(JsonElement array) => array.EnumerateArray().Select(Scalar);

    private static string Scalar(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString() ?? "",
        JsonValueKind.Number => value.GetRawText(),
        _ => throw new FormatException("a text is wanted where there is none"),
    };
}
