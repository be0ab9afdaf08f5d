using System.Globalization;
using System.Text;

namespace QuantBench.TestKit;

/// <summary>Vocabularies of released models, fetched by <c>tests/vocabularies/fetch.sh</c>; they aren't part of the repository.</summary>
public static class Vocabularies
{
    /// <summary>Names of llama.cpp's vocabulary files.</summary>
    public static IReadOnlyList<string> LlamaCpp { get; } =
    [
        "aquila", "baichuan", "bert-bge", "command-r", "deepseek-coder", "deepseek-llm", "falcon", "gemma-4", "gpt-2", "gpt-neox",
        "llama-bpe", "llama-spm", "mpt", "nomic-bert-moe", "phi-3", "qwen2", "qwen35", "refact", "starcoder",
    ];

    /// <summary>Why tests with them are skipped; null when they are there.</summary>
    public static string? Missing { get; } = !Directory.Exists(Root("llama.cpp"))
        ? "the vocabularies aren't here: run tests/vocabularies/fetch.sh" : NpmPackages.Missing(NpmPackage.Texts);

    /// <summary>Path of one of llama.cpp's files.</summary>
    public static string Gguf(string name) => Path.Combine(Root("llama.cpp"), $"ggml-vocab-{name}.gguf");

    /// <summary>Directory of a package's <c>tokenizer.json</c> and <c>tokenizer_config.json</c>.</summary>
    public static string Package(string name) => Path.Combine(Root($"tokenizer-{name}"), "models");

    /// <summary>The texts that lie beside one of llama.cpp's files with the ids expected of them; none for some.</summary>
    public static IReadOnlyList<(string Text, int[] Ids)> Expected(string name)
    {
        string path = Gguf(name) + ".inp";
        if (!File.Exists(path)) return [];
        // Between two texts stands a line of its own, whose line break belongs to it.
        string[] texts = File.ReadAllText(path).Split("\n__ggml_vocab_test__\n");
        string[] lines = File.ReadAllText(Gguf(name) + ".out").Split('\n')[..texts.Length];
        return [.. texts.Zip(lines, (text, line) =>
            (text, line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse).ToArray()))];
    }

    /// <summary>A text of lines of all kinds: numbers, code, runs of white space, several scripts, control tokens spelled out.</summary>
    /// <param name="lines">How many.</param>
    /// <param name="seed">Which ones.</param>
    public static string Generated(int lines, int seed)
    {
        var random = new Random(seed);
        string[] words =
        [
            "the", "Of", "PRESIDENT", "don't", "WE'RE", "naïve", "cafe\u0301", "Straße", "Русский", "Ελληνικά", "हिन्दी",
            "ไทย", "中文字符", "日本語", "한국어", "العربية", "עברית", "ქართული", "\U0001D400\U0001D401", "\U00020000",
            "\U0001F469\u200D\U0001F4BB", "\U0001F600", "½", "²³", "Ⅷ", "x_1", "fooBar", "HTTPServer", "a.b.c", "::", "->",
            "/*", "*/", "//", "{}", "();", "==", "!=", "+=", "€7", "$5", "100%", "#tag", "@me", "<s>", "</s>", "<unk>",
            "<|endoftext|>", "<|im_end|>", "<eos>", "<0x0A>", "<|end|>", "[MASK]", "▁", "\u00A0", "\u3000", "\u200B", "…",
            "—", "“q”", "，", "。", "\u0301", "ǅ", "ʰ", "\uFFFD", "don’t", "l'été", "'S", "'ll",
        ];
        string[] gaps = [" ", " ", " ", " ", "", "", "  ", "   ", "\t", "\t\t", "        ", "\r", " \u00A0"];
        var text = new StringBuilder();
        for (int i = 0; i < lines; i++)
        {
            int count = random.Next(12);
            for (int j = 0; j < count; j++)
            {
                text.Append(random.Next(6) switch
                {
                    0 => random.NextInt64((long)Math.Pow(10, random.Next(1, 15))).ToString(CultureInfo.InvariantCulture),
                    1 => new string((char)random.Next('!', '~' + 1), random.Next(1, 9)),
                    _ => words[random.Next(words.Length)],
                });
                text.Append(gaps[random.Next(gaps.Length)]);
            }

            text.Append(random.Next(8) switch { 0 => "\r\n", 1 => "\n\n", 2 => " \n", 3 => "\n\n\n  ", _ => "\n" });
        }

        return text.ToString();
    }

    private static string Root(string name) => RepositoryRoot.Combine(".cache", "vocabularies", name);
}
