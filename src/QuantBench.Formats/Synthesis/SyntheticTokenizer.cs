using System.Text.Json.Nodes;
using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Tokenizers;

namespace QuantBench.Formats.Synthesis;

/// <summary>The smallest tokenizer that every reader accepts: one token per byte, one merge, and names for the rest.</summary>
internal static class SyntheticTokenizer
{
    private const int Merged = 256;
    private const int FirstSpecial = Merged + 1;

    // llama.cpp looks these up by name for phi-3.
    private static readonly string[] s_special = ["<unk>", "<s>", "</s>", "<|endoftext|>"];

    /// <summary>Whether a vocabulary has room.</summary>
    /// <exception cref="RequestException">It has not.</exception>
    public static void Check(int vocabulary)
    {
        if (vocabulary < 264)
            throw new RequestException($"A synthetic vocabulary needs 264 tokens, not {vocabulary}.", "Give a larger one.");
    }

    /// <summary>Adds it to a GGUF file.</summary>
    public static void Add(GgufMetadata metadata, int vocabulary)
    {
        int[] types = new int[vocabulary];
        Array.Fill(types, 1);
        Array.Fill(types, 3, FirstSpecial, vocabulary - FirstSpecial); // Control tokens: text never becomes one of them.
        metadata.Add("tokenizer.ggml.model", "gpt2");
        metadata.Add("tokenizer.ggml.pre", "gpt-2");
        metadata.Add("tokenizer.ggml.tokens", Tokens(vocabulary));
        metadata.Add("tokenizer.ggml.token_type", types);
        metadata.Add("tokenizer.ggml.merges", (string[])["t h"]);
        metadata.Add("tokenizer.ggml.bos_token_id", FirstSpecial + 1u);
        metadata.Add("tokenizer.ggml.eos_token_id", FirstSpecial + 2u);
        metadata.Add("tokenizer.ggml.add_bos_token", false);
    }

    /// <summary>Writes it into a directory.</summary>
    public static void Write(string directory, int vocabulary)
    {
        string[] tokens = Tokens(vocabulary);
        var names = new JsonObject();
        for (int i = 0; i < tokens.Length; i++) names.Add(tokens[i], i);
        var added = new JsonArray();
        for (int i = 0; i < s_special.Length; i++)
        {
            added.Add(new JsonObject
            {
                ["id"] = FirstSpecial + i,
                ["content"] = s_special[i],
                ["single_word"] = false,
                ["lstrip"] = false,
                ["rstrip"] = false,
                ["normalized"] = false,
                ["special"] = true,
            });
        }

        JsonObject ByteLevel(bool spaced) =>
            new() { ["type"] = "ByteLevel", ["add_prefix_space"] = spaced, ["trim_offsets"] = true, ["use_regex"] = true };
        var tokenizer = new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = added,
            ["normalizer"] = null,
            ["pre_tokenizer"] = ByteLevel(false),
            ["post_processor"] = null,
            ["decoder"] = ByteLevel(true),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["dropout"] = null,
                ["unk_token"] = null,
                ["continuing_subword_prefix"] = null,
                ["end_of_word_suffix"] = null,
                ["fuse_unk"] = false,
                ["byte_fallback"] = false,
                ["ignore_merges"] = false,
                ["vocab"] = names,
                ["merges"] = new JsonArray("t h"),
            },
        };
        var settings = new JsonObject
        {
            ["add_bos_token"] = false,
            ["bos_token"] = s_special[1],
            ["eos_token"] = s_special[2],
            ["tokenizer_class"] = "GPT2Tokenizer"
        };
        File.WriteAllText(Path.Combine(directory, "tokenizer.json"), tokenizer.ToJsonString());
        File.WriteAllText(Path.Combine(directory, "tokenizer_config.json"), settings.ToJsonString());
    }

    private static string[] Tokens(int vocabulary)
    {
        string[] tokens = new string[vocabulary];
        for (int i = 0; i < Merged; i++) tokens[i] = ByteLevel.Alphabet[i].ToString();
        tokens[Merged] = "th";
        for (int i = FirstSpecial; i < vocabulary; i++)
            tokens[i] = i < FirstSpecial + s_special.Length ? s_special[i - FirstSpecial] : $"<|random{i}|>";
        return tokens;
    }
}
