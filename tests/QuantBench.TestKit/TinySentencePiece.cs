using System.Text;
using System.Text.Json.Nodes;

namespace QuantBench.TestKit;

/// <summary>A small SentencePiece BPE vocabulary, as <c>tokenizer.model</c> and as <c>tokenizer.json</c>, put together without the code
/// under test: three special tokens, 256 bytes, and some pieces in the order of their scores.</summary>
public static class TinySentencePiece
{
    /// <summary>What joins, the best first; all but the last lines' parts are pieces too.</summary>
    public static IReadOnlyList<string> Joined { get; } = ["▁t", "he", "▁the", "in", "▁▁", "ing", "▁a", "an", "▁an", "er", "é▁", "ther"];

    /// <summary>Single characters.</summary>
    public static IReadOnlyList<string> Letters { get; } = ["▁", "t", "h", "e", "i", "n", "g", "a", "r", "é", "\U00010400"];

    /// <summary>Number of tokens.</summary>
    public static int Count => 259 + Joined.Count + Letters.Count;

    /// <summary>Id of a piece.</summary>
    public static int Id(string piece)
    {
        int at = Joined.ToList().IndexOf(piece);
        return at >= 0 ? 259 + at : 259 + Joined.Count + Letters.ToList().IndexOf(piece);
    }

    /// <summary><c>tokenizer.model</c>.</summary>
    /// <param name="kind">Kind of the model: 2 BPE, 3 Word.</param>
    public static byte[] Model(int kind = 2)
    {
        var file = new List<byte>();
        foreach ((string text, float score, int type) in Pieces())
        {
            byte[] utf8 = Encoding.UTF8.GetBytes(text);
            byte[] piece = [0x0A, (byte)utf8.Length, .. utf8, 0x15, .. BitConverter.GetBytes(score), 0x18, (byte)type];
            file.AddRange([0x0A, (byte)piece.Length, .. piece]);
        }

        file.AddRange([0x12, 2, 0x18, (byte)kind]); // trainer_spec.model_type
        file.AddRange([0x1A, 2, 0x18, 1]); // normalizer_spec.add_dummy_prefix
        return [.. file];
    }

    /// <summary><c>tokenizer.json</c>.</summary>
    public static JsonObject Json()
    {
        var vocabulary = new JsonObject();
        foreach ((string text, _, _) in Pieces()) vocabulary[text] = vocabulary.Count;
        var merges = new JsonArray();
        foreach (string joined in Joined)
        {
            for (int at = 1; at < joined.Length; at++)
            {
                if (vocabulary.ContainsKey(joined[..at]) && vocabulary.ContainsKey(joined[at..]))
                    merges.Add($"{joined[..at]} {joined[at..]}");
            }
        }

        return new JsonObject
        {
            ["added_tokens"] = new JsonArray([.. new[] { "<unk>", "<s>", "</s>" }.Select((text, id) =>
                new JsonObject { ["id"] = id, ["content"] = text, ["special"] = true })]),
            ["normalizer"] = JsonNode.Parse("""
                {"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},
                 {"type":"Replace","pattern":{"String":" "},"content":"▁"}]}
                """),
            ["pre_tokenizer"] = null,
            ["post_processor"] = null,
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["unk_token"] = "<unk>",
                ["byte_fallback"] = true,
                ["vocab"] = vocabulary,
                ["merges"] = merges,
            },
        };
    }

    /// <summary>Writes one of them into a directory, with the files beside it.</summary>
    /// <param name="directory">Where to.</param>
    /// <param name="model">Content of <c>tokenizer.model</c>; null = <paramref name="json"/> is written.</param>
    /// <param name="json">Content of <c>tokenizer.json</c>.</param>
    public static void Write(string directory, byte[]? model, byte[]? json = null)
    {
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, "config.json"), $$"""{"vocab_size":{{Count + 1}}}""");
        File.WriteAllText(Path.Combine(directory, "tokenizer_config.json"),
            """{"bos_token":"<s>","eos_token":"</s>","unk_token":"<unk>"}""");
        if (model is not null) File.WriteAllBytes(Path.Combine(directory, "tokenizer.model"), model);
        else File.WriteAllBytes(Path.Combine(directory, "tokenizer.json"), json ?? Encoding.UTF8.GetBytes(Json().ToJsonString()));
    }

    private static IEnumerable<(string Text, float Score, int Type)> Pieces() =>
    [
        ("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3),
        .. Enumerable.Range(0, 256).Select(value => ($"<0x{value:X2}>", 0f, 6)),
        .. Joined.Select((text, rank) => (text, -(float)rank, 1)),
        .. Letters.Select((text, rank) => (text, -1000f - rank, 1)),
    ];
}
