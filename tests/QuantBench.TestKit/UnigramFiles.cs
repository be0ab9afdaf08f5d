using System.Text;
using System.Text.Json.Nodes;

namespace QuantBench.TestKit;

/// <summary>A SentencePiece Unigram vocabulary as <c>tokenizer.model</c> and as <c>tokenizer.json</c>, written without the code under
/// test; as <c>tokenizer.model</c> a BPE vocabulary, too.</summary>
/// <param name="Pieces">Text, score and type of each piece; the types' numbers are SentencePiece's.</param>
/// <param name="CharacterMap"><c>precompiled_charsmap</c>; empty for none.</param>
/// <param name="BytesFallBack">Whether bytes stand for what is no piece.</param>
public sealed record UnigramFiles(IReadOnlyList<(string Text, float Score, int Type)> Pieces, byte[] CharacterMap, bool BytesFallBack)
{
    /// <summary>A small one: three special tokens, 256 bytes, and pieces whose best ways are easily worked out by hand.</summary>
    /// <param name="bytesFallBack">Whether bytes stand for what is no piece.</param>
    public static UnigramFiles Tiny(bool bytesFallBack = false) => new(
        [
            ("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3),
            .. Enumerable.Range(0, 256).Select(value => ($"<0x{value:X2}>", 0f, 6)),
            ("▁", -3, 1), ("▁the", -2, 1), ("the", -4, 1), ("re", -3, 1), ("there", -8, 1), ("▁th", -3, 1), ("ere", -2.5f, 1), ("a", -4, 1),
            ("▁a", -3, 1), ("fi", -5, 1), ("é", -6, 1), ("t", -6, 1), ("h", -6, 1), ("e", -6, 1), ("r", -6, 1), ("\U00010400", -6, 1),
        ],
        Map([("ﬁ", "fi"), ("\n", " "), ("\t", " "), ("e\u0301", "é"), ("\u200B", "")]), bytesFallBack);

    /// <summary>Whether <c>tokenizer.model</c> says that it is BPE, whose spaces stay as they are.</summary>
    public bool IsBpe { get; init; }

    /// <summary>Number of pieces.</summary>
    public int Count => Pieces.Count;

    /// <summary>Id of a piece.</summary>
    public int Id(string piece) => Pieces.ToList().FindIndex(p => p.Text == piece);

    /// <summary>A <c>precompiled_charsmap</c>: each node of the tree of characters has 256 places of its own.</summary>
    /// <param name="rules">What is replaced by what.</param>
    public static byte[] Map(IReadOnlyList<(string From, string To)> rules)
    {
        var units = new List<uint>(new uint[512]);
        units[0] = 256 << 10;
        var blocks = new Dictionary<string, int>(StringComparer.Ordinal) { [""] = 256 };
        var replacements = new List<byte>();
        foreach ((string from, string to) in rules)
        {
            string path = "";
            int place = 0;
            foreach (byte value in Encoding.UTF8.GetBytes(from))
            {
                place = blocks[path] ^ value;
                path += (char)value;
                if (blocks.ContainsKey(path)) continue;
                blocks[path] = units.Count;
                units[place] = ((uint)(place ^ units.Count) << 10) | value;
                units.AddRange(new uint[256]);
            }

            units[place] |= 1 << 8;
            units[blocks[path]] = (uint)replacements.Count | (1u << 31);
            replacements.AddRange([.. Encoding.UTF8.GetBytes(to), 0]);
        }

        return [.. BitConverter.GetBytes(units.Count * 4), .. units.SelectMany(BitConverter.GetBytes), .. replacements];
    }

    /// <summary><c>tokenizer.model</c>.</summary>
    public byte[] Model()
    {
        var file = new List<byte>();
        foreach ((string text, float score, int type) in Pieces)
        {
            byte[] piece = [.. Field(1, Encoding.UTF8.GetBytes(text)), 0x15, .. BitConverter.GetBytes(score), 0x18, (byte)type];
            file.AddRange(Field(1, piece));
        }

        int unknown = Pieces.ToList().FindIndex(p => p.Type == 2);
        file.AddRange(Field(2, [0x18, (byte)(IsBpe ? 2 : 1), 0x98, 2, (byte)(BytesFallBack ? 1 : 0), 0xC0, 2, (byte)unknown]));
        file.AddRange(Field(3, [.. CharacterMap.Length > 0 ? Field(2, CharacterMap) : [], .. IsBpe ? (byte[])[0x20, 0] : []]));
        return [.. file];
    }

    /// <summary><c>tokenizer.json</c>, as XLM-R's and T5's are.</summary>
    public JsonObject Json()
    {
        var steps = new JsonArray();
        if (CharacterMap.Length > 0)
            steps.Add(new JsonObject { ["type"] = "Precompiled", ["precompiled_charsmap"] = Convert.ToBase64String(CharacterMap) });
        steps.Add(JsonNode.Parse("""{"type":"Strip","strip_left":false,"strip_right":true}"""));
        steps.Add(JsonNode.Parse("""{"type":"Replace","pattern":{"Regex":" {2,}"},"content":"▁"}"""));
        return new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray([.. Pieces.Select((piece, id) => (piece, id)).Where(p => p.piece.Type is 2 or 3).Select(p =>
                new JsonObject
                {
                    ["id"] = p.id,
                    ["content"] = p.piece.Text,
                    ["single_word"] = false,
                    ["lstrip"] = false,
                    ["rstrip"] = false,
                    ["normalized"] = false,
                    ["special"] = true,
                })]),
            ["normalizer"] = new JsonObject { ["type"] = "Sequence", ["normalizers"] = steps },
            ["pre_tokenizer"] = JsonNode.Parse("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}"""),
            ["post_processor"] = null,
            ["decoder"] = null,
            ["model"] = new JsonObject
            {
                ["type"] = "Unigram",
                ["unk_id"] = Pieces.ToList().FindIndex(p => p.Type == 2),
                ["vocab"] = new JsonArray([.. Pieces.Select(p => new JsonArray(p.Text, (double)p.Score))]),
                ["byte_fallback"] = BytesFallBack,
            },
        };
    }

    /// <summary>Writes one of the two into a directory, with the files beside it.</summary>
    /// <param name="directory">Where to.</param>
    /// <param name="file">Name of the file: <c>tokenizer.model</c> or <c>tokenizer.json</c>.</param>
    /// <param name="content">What it holds; null for what is here.</param>
    public void Write(string directory, string file, byte[]? content = null)
    {
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, "config.json"), $$"""{"vocab_size":{{Count}}}""");
        File.WriteAllText(Path.Combine(directory, "tokenizer_config.json"),
            """{"bos_token":"<s>","eos_token":"</s>","unk_token":"<unk>"}""");
        content ??= file == "tokenizer.model" ? Model() : Encoding.UTF8.GetBytes(Json().ToJsonString());
        File.WriteAllBytes(Path.Combine(directory, file), content);
    }

    private static byte[] Field(int number, byte[] content)
    {
        var head = new List<byte> { (byte)((number << 3) | 2) };
        for (int length = content.Length; ; length >>= 7)
        {
            head.Add((byte)((length & 0x7F) | (length > 0x7F ? 0x80 : 0)));
            if (length <= 0x7F) return [.. head, .. content];
        }
    }
}
