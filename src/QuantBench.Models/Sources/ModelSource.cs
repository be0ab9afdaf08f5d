using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Formats.Tokenizers;

namespace QuantBench.Models.Sources;

/// <summary>What a model source is.</summary>
public enum SourceKind
{
    /// <summary>A directory with <c>config.json</c>, <c>*.safetensors</c> and <c>tokenizer.json</c>.</summary>
    HuggingFace,

    /// <summary>A GGUF file, possibly the first of a split set.</summary>
    Gguf,

    /// <summary>An ONNX model: a file, or a directory as Olive, optimum or onnxruntime-genai's builder writes it.</summary>
    Onnx,

    /// <summary>No files: a real model's shape, whose artifacts have random weights. Its path is <c>synthetic:SHAPE</c>.</summary>
    Synthetic,
}

/// <summary>The weights a user starts from.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Path">Absolute path of the directory or file; a shape's source as it is written.</param>
/// <param name="Files">Absolute paths of the files that make it up, in ordinal order; none of a shape.</param>
/// <param name="Sha256">SHA-256 over the names and contents of <paramref name="Files"/>, or over a shape's sizes; 64 lower-case hex
/// digits.</param>
public sealed record ModelSource(SourceKind Kind, string Path, ImmutableArray<string> Files, string Sha256)
{
    /// <summary>Finds out what is at a path and hashes it, reading every byte.</summary>
    /// <param name="path">A Hugging Face directory, a GGUF file (of a split model, the first one), or an ONNX file or directory.</param>
    /// <exception cref="RequestException">Nothing that can be used is there.</exception>
    /// <exception cref="ModelFormatException">A file is broken.</exception>
    public static ModelSource Open(string path) => Open(path, null);

    /// <summary>As <see cref="Open(string)"/>, but remembers the hashes of files, so that gigabytes aren't read again on every
    /// run.</summary>
    /// <param name="path">A Hugging Face directory, a GGUF file, or an ONNX file or directory.</param>
    /// <param name="hashCacheDirectory">Where hashes are remembered by path, inode, size, and times of last change; null = nowhere.
    /// </param>
    /// <param name="rehash">Reads every byte all the same, and remembers that.</param>
    /// <exception cref="RequestException">Nothing that can be used is there.</exception>
    /// <exception cref="ModelFormatException">A file is broken.</exception>
    public static ModelSource Open(string path, string? hashCacheDirectory, bool rehash = false) =>
        SourceOpener.Open(path, new FileHashes(hashCacheDirectory, TimeProvider.System, rehash));

    /// <summary>SHA-256 of one file, 64 lower-case hex digits; remembered as <see cref="Open(string, string?, bool)"/> remembers it.
    /// </summary>
    /// <param name="file">The file.</param>
    /// <param name="hashCacheDirectory">Where hashes are remembered; null = nowhere.</param>
    /// <exception cref="RequestException">It can't be read.</exception>
    public static string Sha256Of(string file, string? hashCacheDirectory) =>
        new FileHashes(hashCacheDirectory, TimeProvider.System).Sha256(file);

    /// <summary>The tokenizer of a model source.</summary>
    /// <param name="source">The source.</param>
    /// <exception cref="RequestException">A file is missing.</exception>
    /// <exception cref="ModelFormatException">The tokenizer is broken or of a kind that isn't read.</exception>
    public static ITextTokenizer OpenTokenizer(ModelSource source) => SourceOpener.OpenTokenizer(source);
}
