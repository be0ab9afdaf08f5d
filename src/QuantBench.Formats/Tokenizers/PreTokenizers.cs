using System.Collections.Frozen;

namespace QuantBench.Formats.Tokenizers;

/// <summary>
/// The pre-tokenizers by the names GGUF gives them, and by the regexes of <c>tokenizer.json</c>. Several names stand for one kind, as in
/// llama.cpp; a new kind is a member of <see cref="PreTokenizerKind"/>, a line here and a branch of <see cref="PieceScanner"/>.
/// </summary>
internal static class PreTokenizers
{
    public const string Llama3Regex =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public const string Qwen2Regex =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public const string Gpt2Regex = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    private static readonly FrozenDictionary<string, PreTokenizerKind> ByGgufName = new Dictionary<string, PreTokenizerKind>
    {
        ["gpt-2"] = PreTokenizerKind.Gpt2,
        ["phi-2"] = PreTokenizerKind.Gpt2,
        ["olmo"] = PreTokenizerKind.Gpt2,
        ["mpt"] = PreTokenizerKind.Gpt2,
        ["exaone4"] = PreTokenizerKind.Gpt2,
        ["llama-bpe"] = PreTokenizerKind.Llama3,
        ["llama3"] = PreTokenizerKind.Llama3,
        ["llama-v3"] = PreTokenizerKind.Llama3,
        ["falcon3"] = PreTokenizerKind.Llama3,
        ["pixtral"] = PreTokenizerKind.Llama3,
        ["lfm2"] = PreTokenizerKind.Llama3,
        ["qwen2"] = PreTokenizerKind.Qwen2,
        ["deepseek-r1-qwen"] = PreTokenizerKind.Qwen2,
        ["megrez"] = PreTokenizerKind.Qwen2,
        ["stablelm2"] = PreTokenizerKind.Qwen2,
        ["smollm"] = PreTokenizerKind.SmolLm,
        ["starcoder"] = PreTokenizerKind.SmolLm,
        ["refact"] = PreTokenizerKind.SmolLm,
        ["command-r"] = PreTokenizerKind.SmolLm,
        ["codeshell"] = PreTokenizerKind.SmolLm,
        ["exaone"] = PreTokenizerKind.SmolLm,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The names that are known, for messages.</summary>
    public static string KnownNames => string.Join(", ", ByGgufName.Keys.Order(StringComparer.Ordinal));

    public static PreTokenizerKind? FromGgufName(string name) => ByGgufName.TryGetValue(name, out PreTokenizerKind kind) ? kind : null;

    public static string ToGgufName(PreTokenizerKind kind) => kind switch
    {
        PreTokenizerKind.Gpt2 => "gpt-2",
        PreTokenizerKind.Llama3 => "llama-bpe",
        PreTokenizerKind.Qwen2 => "qwen2",
        PreTokenizerKind.SmolLm => "smollm",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "not a pre-tokenizer"),
    };

    public static PreTokenizerKind? FromRegex(string regex) => regex switch
    {
        Gpt2Regex => PreTokenizerKind.Gpt2,
        Llama3Regex => PreTokenizerKind.Llama3,
        Qwen2Regex => PreTokenizerKind.Qwen2,
        _ => null,
    };

    /// <summary>Whether a BOS token is added where the file doesn't say, as llama.cpp decides it.</summary>
    public static bool AddsBosByDefault(PreTokenizerKind kind) => kind == PreTokenizerKind.Llama3;

    /// <summary>Whether a piece that is itself a token is taken whole, without going through the merges.</summary>
    public static bool IgnoresMerges(PreTokenizerKind kind) => kind == PreTokenizerKind.Llama3;
}
