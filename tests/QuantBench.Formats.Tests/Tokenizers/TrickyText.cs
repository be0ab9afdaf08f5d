using System.Text.Json.Nodes;

namespace QuantBench.Formats.Tests.Tokenizers;

/// <summary>A text on which pre-tokenizers differ, and the reference vocabulary under each of them.</summary>
internal static class TrickyText
{
    public const string Text =
        "I've he'll WE'RE it'S 'Tis rock'n'roll don't''s '\n'd\u017F 'RE'Ve\u212A"          // contractions, long s, Kelvin sign
        + " 1 12 123 1234 12345 1234567890 3.14 ²³ ½ \u0661\u0662\u0663\u0664 Ⅷ \U0001D7D8\U0001D7D9\U0001D7DA"   // digits of many kinds
        + "   three  two \t tab\t\ttabs \n\n newline\r\n\r\nwindows \r mac   \n   mixed \n  "   // white space
        + "\u00A0nbsp\u00A0\u00A0two\u3000ideographic\u2028line\u2029para\u0085nel\u200Bzero\uFEFFbom\u00ADsoft"
        + " naïve café cafe\u0301 Ελληνικά Русский हिन्दी ไทย 中文字符 日本語 한국어 العربية עברית"
        // outside the basic plane
        + " \U0001D400\U0001D401 \U00020000\U00020001x \U0001F469\u200D\U0001F4BB\U0001F1E9\U0001F1EA \U0001F600!"
        + " !?... ---=== (a)[b]{c}<d> $5 €7 #tag @me a_b c__d <|endoftext|> <|x|> <tool>President of the<tool> ../x\\y\n;\n\n!\r\n?"
        + " \u0001\u007F\uFFFD\u0378 end   ";

    /// <summary>Tokens of the written tokenizer; the last has no text.</summary>
    public const int VocabularySize = 4102;

    private const string DigitsFirst =
        """{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},{"type":"ByteLevel","add_prefix_space":false"""
            + ""","use_regex":true}]}""";

    /// <summary>Writes <c>config.json</c> and <c>tokenizer.json</c> with the reference vocabulary, some tokens more and a
    /// pre-tokenizer.</summary>
    /// <param name="directory">Where to.</param>
    /// <param name="pre">Pre-tokenizer by its GGUF name.</param>
    public static void WriteTokenizer(string directory, string pre)
    {
        JsonNode tokenizer = JsonNode.Parse(File.ReadAllText(Path.Combine(ReferenceModel.Directory, "tokenizer.json")))!;
        JsonArray added = tokenizer["added_tokens"]!.AsArray();
        added.Add(new JsonObject { ["id"] = 4096, ["content"] = "President of", ["special"] = false });
        added.Add(new JsonObject { ["id"] = 4097, ["content"] = "<tool>", ["special"] = false });

        // Merges that only some pre-tokenizers leave possible, and a token that no merge makes: ignoring merges finds it.
        JsonObject vocabulary = tokenizer["model"]!["vocab"]!.AsObject();
        vocabulary[";Ċ"] = 4098;
        vocabulary["ĉt"] = 4099;
        vocabulary["ĠnaÃ¯ve"] = 4100;
        tokenizer["model"]!["merges"]!.AsArray().Add("; Ċ");
        tokenizer["model"]!["merges"]!.AsArray().Add("ĉ t");
        tokenizer["pre_tokenizer"] = pre switch
        {
            "gpt-2" => tokenizer["pre_tokenizer"]!.DeepClone(),
            "llama-bpe" =>
                Split(@"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
                    + @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"),
            "qwen2" =>
                Split(@"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
                    + @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"),
            "smollm" => JsonNode.Parse(DigitsFirst),
            _ => throw new ArgumentOutOfRangeException(nameof(pre), pre, "not a pre-tokenizer of this test"),
        };
        if (pre == "llama-bpe") tokenizer["model"]!["ignore_merges"] = true;
        JsonNode config = JsonNode.Parse(File.ReadAllText(Path.Combine(ReferenceModel.Directory, "config.json")))!;
        config["vocab_size"] = VocabularySize;
        File.WriteAllText(Path.Combine(directory, "config.json"), config.ToJsonString());
        File.WriteAllText(Path.Combine(directory, "tokenizer.json"), tokenizer.ToJsonString());
    }

    private static JsonObject Split(string regex) => new()
    {
        ["type"] = "Sequence",
        ["pretokenizers"] = new JsonArray(
            new JsonObject
            {
                ["type"] = "Split",
                ["pattern"] = new JsonObject { ["Regex"] = regex },
                ["behavior"] = "Isolated",
                ["invert"] = false
            },
            new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["use_regex"] = false }),
    };
}
