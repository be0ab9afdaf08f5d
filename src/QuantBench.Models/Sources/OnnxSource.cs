using System.Collections.Immutable;
using System.Text.Json;
using QuantBench.Core.Errors;
using QuantBench.Formats.Onnx;
using QuantBench.Formats.Tokenizers;

namespace QuantBench.Models.Sources;

/// <summary>ONNX models as model sources.</summary>
internal static class OnnxSource
{
    private const string Extension = ".onnx";
    private const long MaxConfigBytes = 4 << 20;

    /// <summary>Whether a directory is an ONNX model: it has one, and no safetensors beside it from which variants could be made.</summary>
    public static bool IsDirectory(string directory) =>
        Directory.EnumerateFiles(directory, "*" + Extension).Any() && !Directory.EnumerateFiles(directory, "*.safetensors").Any();

    /// <summary>Whether a file is called as ONNX models are.</summary>
    public static bool IsFile(string path) => path.EndsWith(Extension, StringComparison.OrdinalIgnoreCase);

    /// <summary>Files of a directory: models, their external data, and what their maker left beside them.</summary>
    public static ImmutableArray<string> DirectoryFiles(string directory) =>
        [.. Directory.EnumerateFiles(directory).Where(f => !Path.GetFileName(f).StartsWith('.')).Order(StringComparer.Ordinal)];

    /// <summary>A file with its external data.</summary>
    /// <exception cref="ModelFormatException">It is broken, or its data isn't there.</exception>
    public static ImmutableArray<string> FilesOf(string path)
    {
        using OnnxModel model = OnnxModel.Open(path);
        return [.. model.Files.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    /// <summary>The tokenizer beside a model.</summary>
    /// <exception cref="ModelFormatException">There is none, or it is broken.</exception>
    public static ITextTokenizer OpenTokenizer(ModelSource source)
    {
        string directory = Directory.Exists(source.Path) ? source.Path : Path.GetDirectoryName(source.Path) ?? "";
        if (!File.Exists(Path.Combine(directory, "tokenizer.json")) && !File.Exists(Path.Combine(directory, "tokenizer.model")))
        {
            throw new ModelFormatException(source.Path, null, "has no tokenizer.json beside it, so no text can be scored.",
                "Copy the tokenizer of the model it was made from into its directory.");
        }

        int vocabulary = Vocabulary(Path.Combine(directory, "genai_config.json"), "model")
            ?? Vocabulary(Path.Combine(directory, "config.json"), null)
            ?? throw new ModelFormatException(source.Path, null,
                "has neither genai_config.json nor config.json with 'vocab_size' beside it.",
                "Copy config.json of the model it was made from into its directory.");
        return HuggingFaceTokenizer.Read(directory, vocabulary).Definition.Open();
    }

    private static int? Vocabulary(string path, string? inside)
    {
        if (!File.Exists(path)) return null;
        if (new FileInfo(path).Length > MaxConfigBytes)
            throw new ModelFormatException(path, null, "is larger than 4 MiB, which no such file is.");
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            JsonElement at = document.RootElement;
            if (inside is not null && (at.ValueKind != JsonValueKind.Object || !at.TryGetProperty(inside, out at))) return null;
            return at.ValueKind == JsonValueKind.Object && at.TryGetProperty("vocab_size", out JsonElement size)
                && size.TryGetInt32(out int value) && value > 0 ? value : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ModelFormatException(path, null, $"isn't a model's configuration: {e.Message}", "Fetch the file again.", e);
        }
    }
}
