using System.Text.Json;
using QuantBench.Core.Errors;

namespace QuantBench.Engines.OnnxRuntime.Models;

/// <summary>What QuantBench reads of onnxruntime-genai's <c>genai_config.json</c>; members are null where the file doesn't say.</summary>
internal sealed record GenaiConfig
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "genai_config.json";

    private const long MaxBytes = 4 << 20;

    /// <summary>Model file, relative to the directory.</summary>
    public string? ModelFile { get; init; }

    /// <summary>Context length in tokens.</summary>
    public int? ContextLength { get; init; }

    /// <summary>Number of logits.</summary>
    public int? VocabularySize { get; init; }

    /// <summary>Name of the input with token ids.</summary>
    public string? InputIds { get; init; }

    /// <summary>Name of the attention mask.</summary>
    public string? AttentionMask { get; init; }

    /// <summary>Name of the input with positions.</summary>
    public string? PositionIds { get; init; }

    /// <summary>Name of past keys, with <c>%d</c> for the layer.</summary>
    public string? PastKeys { get; init; }

    /// <summary>Name of past values.</summary>
    public string? PastValues { get; init; }

    /// <summary>Name of the logits.</summary>
    public string? Logits { get; init; }

    /// <summary>Name of present keys.</summary>
    public string? PresentKeys { get; init; }

    /// <summary>Name of present values.</summary>
    public string? PresentValues { get; init; }

    /// <summary>Reads it from a directory; null when there is none.</summary>
    /// <exception cref="ModelFormatException">The file is broken.</exception>
    public static GenaiConfig? Read(string directory)
    {
        string path = Path.Combine(directory, FileName);
        if (!File.Exists(path)) return null;
        if (new FileInfo(path).Length > MaxBytes)
            throw new ModelFormatException(path, null, "is larger than 4 MiB, which no such file is.");
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            JsonElement model = Member(document.RootElement, "model")
                ?? throw new ModelFormatException(path, null, "has no 'model'.", "Build the model again.");
            JsonElement? decoder = Member(model, "decoder");
            JsonElement? inputs = Member(decoder, "inputs");
            JsonElement? outputs = Member(decoder, "outputs");
            return new GenaiConfig
            {
                ModelFile = Text(decoder, "filename"),
                ContextLength = Number(model, "context_length"),
                VocabularySize = Number(model, "vocab_size"),
                InputIds = Text(inputs, "input_ids"),
                AttentionMask = Text(inputs, "attention_mask"),
                PositionIds = Text(inputs, "position_ids"),
                PastKeys = Text(inputs, "past_key_names"),
                PastValues = Text(inputs, "past_value_names"),
                Logits = Text(outputs, "logits"),
                PresentKeys = Text(outputs, "present_key_names"),
                PresentValues = Text(outputs, "present_value_names"),
            };
        }
        catch (JsonException e)
        {
            throw new ModelFormatException(path, null, $"isn't valid JSON: {e.Message}", "Build the model again.", e);
        }
    }

    private static JsonElement? Member(JsonElement? of, string name) =>
        of is { ValueKind: JsonValueKind.Object } found && found.TryGetProperty(name, out JsonElement member) ? member : null;

    private static string? Text(JsonElement? of, string name) =>
        Member(of, name) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    private static int? Number(JsonElement? of, string name) =>
        Member(of, name) is { ValueKind: JsonValueKind.Number } number && number.TryGetInt32(out int value) ? value : null;
}
