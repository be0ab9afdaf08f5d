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

    public const string Qwen35Regex =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public const string Gpt4oRegex =
        @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
            + @"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
            + @"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public const string TekkenRegex =
        @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
            + @"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
            + @"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public const string DeepSeek3Regex =
        @"[!""#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|" + "[^\r\n" + @"\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+" + "[\r\n]*"
            + @"|\s*" + "[\r\n]+" + @"|\s+(?!\S)|\s+";

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
        ["falcon-h1"] = PreTokenizerKind.Llama3,
        ["midm-2.0"] = PreTokenizerKind.Llama3,
        ["jais"] = PreTokenizerKind.Gpt2,
        ["trillion"] = PreTokenizerKind.Gpt2,
        ["granite-docling"] = PreTokenizerKind.Gpt2,
        ["gigachat"] = PreTokenizerKind.Gpt2,
        ["a.x-4.0"] = PreTokenizerKind.Gpt2,
        ["mellum"] = PreTokenizerKind.Gpt2,
        ["minerva-7b"] = PreTokenizerKind.SmolLm,
        ["mellum2"] = PreTokenizerKind.SmolLm,
        ["kormo"] = PreTokenizerKind.Qwen2,
        ["f2llmv2"] = PreTokenizerKind.Qwen2,
        ["hunyuan"] = PreTokenizerKind.Qwen2,
        ["solar-open"] = PreTokenizerKind.Qwen2,
        ["grok-2"] = PreTokenizerKind.Qwen2,
        ["qwen35"] = PreTokenizerKind.Qwen35,
        ["gpt-4o"] = PreTokenizerKind.Gpt4o,
        ["llama4"] = PreTokenizerKind.Gpt4o,
        ["kanana2"] = PreTokenizerKind.Gpt4o,
        ["talkie"] = PreTokenizerKind.Gpt4o,
        ["minimax-m2"] = PreTokenizerKind.Gpt4o,
        ["tekken"] = PreTokenizerKind.Tekken,
        ["deepseek-v3"] = PreTokenizerKind.DeepSeek3,
        ["hunyuan-dense"] = PreTokenizerKind.DeepSeek3,
        ["joyai-llm"] = PreTokenizerKind.DeepSeek3,
        ["hy_v4"] = PreTokenizerKind.DeepSeek3,
        ["deepseek-llm"] = PreTokenizerKind.DeepSeekLlm,
        ["deepseek-coder"] = PreTokenizerKind.DeepSeekCoder,
        ["falcon"] = PreTokenizerKind.Falcon,
        ["default"] = PreTokenizerKind.Default,
        ["dbrx"] = PreTokenizerKind.Dbrx,
        ["smaug-bpe"] = PreTokenizerKind.Dbrx,
        ["glm4"] = PreTokenizerKind.Dbrx,
        ["chatglm-bpe"] = PreTokenizerKind.Dbrx,
        ["seed-coder"] = PreTokenizerKind.SeedCoder,
        ["bloom"] = PreTokenizerKind.Bloom,
        ["poro-chat"] = PreTokenizerKind.Bloom,
        ["gpt3-finnish"] = PreTokenizerKind.Bloom,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The names that are known.</summary>
    public static IReadOnlyCollection<string> Names => ByGgufName.Keys;

    /// <summary>The names that are known, for messages.</summary>
    public static string KnownNames => string.Join(", ", ByGgufName.Keys.Order(StringComparer.Ordinal));

    public static PreTokenizerKind? FromGgufName(string name) => ByGgufName.TryGetValue(name, out PreTokenizerKind kind) ? kind : null;

    public static string ToGgufName(PreTokenizerKind kind) => kind switch
    {
        PreTokenizerKind.Gpt2 => "gpt-2",
        PreTokenizerKind.Llama3 => "llama-bpe",
        PreTokenizerKind.Qwen2 => "qwen2",
        PreTokenizerKind.SmolLm => "smollm",
        PreTokenizerKind.Qwen35 => "qwen35",
        PreTokenizerKind.Gpt4o => "gpt-4o",
        PreTokenizerKind.Tekken => "tekken",
        PreTokenizerKind.DeepSeek3 => "deepseek-v3",
        PreTokenizerKind.DeepSeekLlm => "deepseek-llm",
        PreTokenizerKind.DeepSeekCoder => "deepseek-coder",
        PreTokenizerKind.Falcon => "falcon",
        PreTokenizerKind.Default => "default",
        PreTokenizerKind.Dbrx => "dbrx",
        PreTokenizerKind.SeedCoder => "seed-coder",
        PreTokenizerKind.Bloom => "bloom",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "not a pre-tokenizer"),
    };

    /// <summary>The kind of a sequence of regexes, each of which cuts what those before it left.</summary>
    /// <param name="regexes">The regexes.</param>
    /// <param name="ignoresMerges">Whether pieces that are tokens are taken whole: Llama 3's and GPT-4's cuts are the same.</param>
    public static PreTokenizerKind? FromRegexes(IReadOnlyList<string> regexes, bool ignoresMerges) => regexes switch
    {
        [Gpt2Regex] => PreTokenizerKind.Gpt2,
        [Llama3Regex] => ignoresMerges ? PreTokenizerKind.Llama3 : PreTokenizerKind.Dbrx,
        [Qwen2Regex] => PreTokenizerKind.Qwen2,
        [Qwen35Regex] => PreTokenizerKind.Qwen35,
        [Gpt4oRegex] => PreTokenizerKind.Gpt4o,
        [TekkenRegex] => PreTokenizerKind.Tekken,
        [@"\p{N}{1,3}", "[一-龥\u3040-ゟ゠-ヿ]+", DeepSeek3Regex] => PreTokenizerKind.DeepSeek3,
        _ => null,
    };

    /// <summary>Cuts a text: where each piece starts, and its length, both in UTF-16 units.</summary>
    public static IEnumerable<(int Start, int Length)> Cut(string text, PreTokenizerKind kind) =>
        RegexPieces.Of(kind) is { } regexes ? regexes.Cut(text) : new PieceScanner(text, kind).Pieces();

    /// <summary>Whether a BOS token is added where the file doesn't say, as llama.cpp decides it.</summary>
    public static bool AddsBosByDefault(PreTokenizerKind kind) => kind is PreTokenizerKind.Llama3 or PreTokenizerKind.Tekken;

    /// <summary>Whether a piece that is itself a token is taken whole, without going through the merges.</summary>
    public static bool IgnoresMerges(PreTokenizerKind kind) => kind is PreTokenizerKind.Llama3 or PreTokenizerKind.Tekken;
}
