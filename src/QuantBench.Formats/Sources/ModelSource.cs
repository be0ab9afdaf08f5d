using System.Collections.Immutable;

namespace QuantBench.Formats.Sources;

/// <summary>What a model source is.</summary>
public enum SourceKind
{
    /// <summary>A directory with <c>config.json</c>, <c>*.safetensors</c> and <c>tokenizer.json</c>.</summary>
    HuggingFace,

    /// <summary>A GGUF file, possibly the first of a split set.</summary>
    Gguf,
}

/// <summary>The weights a user starts from.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Path">Absolute path of the directory or file.</param>
/// <param name="Files">Absolute paths of the files that make it up, in ordinal order.</param>
/// <param name="Sha256">SHA-256 over the names and contents of <paramref name="Files"/>, 64 lower-case hex digits.</param>
public sealed record ModelSource(SourceKind Kind, string Path, ImmutableArray<string> Files, string Sha256);
