using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using QuantBench.Core.Errors;
using QuantBench.Core.Files;
using QuantBench.Formats.Files;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Safetensors;
using QuantBench.Formats.Tokenizers;
using QuantBench.Models.Conversion;

namespace QuantBench.Models.Sources;

/// <summary>Recognises model sources.</summary>
internal static class SourceOpener
{
    private const string Hint =
        "Give a Hugging Face directory (config.json, *.safetensors, tokenizer.json), a .gguf file, or an ONNX model (a .onnx file or a "
            + "directory with one).";

    // Files beside the weights that decide what a conversion writes.
    private static readonly ImmutableArray<string> SideFiles =
    [
        "config.json", "quantize_config.json", "quant_config.json", "hf_quant_config.json", SafetensorsModel.IndexFile,
        "tokenizer.json", "tokenizer_config.json",
    ];

    private static readonly ImmutableArray<string> SentencePieceFiles = ["tokenizer.model", "added_tokens.json"];

    public static ModelSource Open(string path, FileHashes hashes)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        SourceKind kind;
        ImmutableArray<string> files;
        if (Directory.Exists(full))
        {
            kind = OnnxSource.IsDirectory(full) ? SourceKind.Onnx : SourceKind.HuggingFace;
            files = kind == SourceKind.Onnx ? OnnxSource.DirectoryFiles(full) : HuggingFaceFiles(full);
            foreach (string file in files)
            {
                ModelLinks.Check(full, file);
                FileStamp.RequireFile(file);
            }
        }
        else if (File.Exists(full))
        {
            FileStamp.RequireFile(full);
            kind = OnnxSource.IsFile(full) ? SourceKind.Onnx : SourceKind.Gguf;
            files = kind == SourceKind.Onnx ? OnnxSource.FilesOf(full) : GgufFiles(full);
        }
        else
        {
            string hint = path.Count(c => c == '/') == 1 && !path.StartsWith('.') && !path.StartsWith('/')
                ? $"Models aren't fetched by name: download it first. {Hint}" : Hint;
            throw new RequestException($"There is no model at '{full}'.", hint);
        }

        return new ModelSource(kind, full, files, Hash(files, hashes));
    }

    public static ITextTokenizer OpenTokenizer(ModelSource source)
    {
        if (source.Kind == SourceKind.HuggingFace)
        {
            return HuggingFaceTokenizer.Read(source.Path, HuggingFaceConfig.ReadVocabularySize(source.Path)).Definition.Open();
        }

        if (source.Kind == SourceKind.Onnx) return OnnxSource.OpenTokenizer(source);
        if (source.Kind == SourceKind.Synthetic)
        {
            throw new UnsupportedException(source.Path, "random weights read no text.",
                "Measure their speed and memory: latency, load. Quality is a real model's.");
        }

        using GgufReader reader = GgufReader.Open(source.Path);
        return GgufTokenizer.Read(reader.Metadata, source.Path).Open();
    }

    private static ImmutableArray<string> HuggingFaceFiles(string directory)
    {
        if (!File.Exists(Path.Combine(directory, "config.json")))
        {
            string hint = Directory.EnumerateFiles(directory, "*.gguf").Order(StringComparer.Ordinal).FirstOrDefault() is { } gguf
                ? $"There are GGUF files in it: give one of them, e.g. '{gguf}'."
                : Hint;
            throw new RequestException($"The directory '{directory}' has no config.json, so it is not a model.", hint);
        }

        IEnumerable<string> names = SafetensorsModel.FileNames(directory)
            .Concat(SideFiles.Where(name => File.Exists(Path.Combine(directory, name))));
        // Beside tokenizer.json they decide nothing.
        if (!File.Exists(Path.Combine(directory, "tokenizer.json")))
            names = names.Concat(SentencePieceFiles.Where(name => File.Exists(Path.Combine(directory, name))));
        ImmutableArray<string> files = [
            .. names.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Select(name => Path.Combine(directory, name))];
        string? missing = files.FirstOrDefault(file => !File.Exists(file));
        return missing is null ? files
            : throw new ModelFormatException(directory, null, $"the weight file '{missing}' is missing.",
                $"'{SafetensorsModel.IndexFile}' names it; fetch it as well.");
    }

    private static ImmutableArray<string> GgufFiles(string path)
    {
        using GgufReader reader = GgufReader.Open(path);
        RefuseOthers(reader.Metadata, path);
        GgufFigures.Check(reader.Metadata, path);
        return [.. reader.Files.Order(StringComparer.Ordinal)];
    }

    private static void RefuseOthers(GgufMetadata metadata, string path)
    {
        string? what = (metadata.FindString("general.type"), metadata.FindString(GgufConstants.Architecture)) switch
        {
            ("mmproj", _) or (_, "clip") => "a vision or audio projector",
            ("adapter", _) => "a LoRA adapter",
            ("imatrix", _) => "an importance matrix",
            _ => null,
        };
        if (what is not null)
        {
            throw new UnsupportedException(path, $"this is {what}, not a language model.",
                "Give the GGUF file of the model it belongs to.");
        }
    }

    private static string Hash(ImmutableArray<string> files, FileHashes hashes)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string file in files) hash.AppendData(Encoding.UTF8.GetBytes($"{hashes.Sha256(file)} {Path.GetFileName(file)}\n"));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
