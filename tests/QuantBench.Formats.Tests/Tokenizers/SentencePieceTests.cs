using System.Text;
using System.Text.Json.Nodes;
using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Tokenizers;
using QuantBench.TestKit;

namespace QuantBench.Formats.Tests.Tokenizers;

/// <summary>SentencePiece BPE, on ids that are worked out by hand; real vocabularies are compared with llama.cpp in its engine's
/// tests.</summary>
public sealed class SentencePieceTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("the", "▁the")]
    [InlineData("  the", "▁▁ ▁the")] // with the prefix three spaces, of which the first two join first
    [InlineData("thething", "▁the t h ing")]
    [InlineData("ther", "▁the r")] // 'ther' has no way: '▁t' comes first
    [InlineData("éa é an", "▁ é a ▁ é ▁an")]
    [InlineData("\U00010400x", "▁ \U00010400 <0x78>")]
    [InlineData("\U0001F600", "▁ <0xF0> <0x9F> <0x98> <0x80>")]
    [InlineData("<s>", "▁ <0x3C> <0x73> <0x3E>")]
    [InlineData("", "")]
    public void Encode_JoinsTheBestFirst(string text, string pieces)
    {
        TinySentencePiece.Write(_folder.Combine("model"), TinySentencePiece.Model());
        TinySentencePiece.Write(_folder.Combine("json"), null);
        HuggingFaceTokenizer model = Read("model"), json = Read("json");
        int[] expected = [.. pieces.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Id)];

        Assert.Equal(expected, model.Definition.Open().Encode(text));
        Assert.Equal(expected, json.Definition.Open().Encode(text));
        Assert.Equal(expected, Gguf(json).Open().Encode(text));
        Assert.Equal(json.Definition.Sha256(), Gguf(json).Sha256());
        Assert.Equal(model.Definition.Sha256(), json.Definition.Sha256()); // other scores, but the same order
        Assert.Equal(1, model.Definition.BosToken);
        Assert.Equal(1, json.Definition.BosToken);
    }

    [Fact]
    public void Encode_TakesUserDefinedTokensFirst_AndPutsASpaceBehindThem()
    {
        JsonObject changed = TinySentencePiece.Json();
        changed["added_tokens"]!.AsArray()
            .Add(new JsonObject { ["id"] = TinySentencePiece.Count, ["content"] = "▁in", ["special"] = false });
        TinySentencePiece.Write(_folder.Combine("added"), null, Encoding.UTF8.GetBytes(changed.ToJsonString()));
        ITextTokenizer tokenizer = Read("added").Definition.Open();

        Assert.Equal([Id("▁the"), TinySentencePiece.Count, Id("▁a")], tokenizer.Encode("the ina"));
        Assert.Equal(3, tokenizer.ByteLength(TinySentencePiece.Count));
        Assert.Equal(4, tokenizer.ByteLength(Id("▁the")));
        Assert.Equal(1, tokenizer.ByteLength(Id("<0x78>")));
        Assert.Equal(0, tokenizer.ByteLength(1));
        Assert.Equal(" the", Encoding.UTF8.GetString(tokenizer.Bytes(Id("▁the"))));
        Assert.Equal("x"u8, tokenizer.Bytes(Id("<0x78>")));
        Assert.Empty(tokenizer.Bytes(1));
        Assert.Equal(" in"u8, tokenizer.Bytes(TinySentencePiece.Count));
        const string Text = "the thé \U0001F600\U00010400";
        Assert.Equal(" " + Text, Encoding.UTF8.GetString([.. tokenizer.Encode(Text).SelectMany(tokenizer.Bytes)]));
    }

    [Theory]
    [InlineData("ing", 300_000)]
    [InlineData(" ", 1_000_000)]
    [InlineData("x", 500_000)]
    public void Encode_EndsSoon_OnATextOfOnePiece(string part, int count)
    {
        TinySentencePiece.Write(_folder.Combine("model"), TinySentencePiece.Model());
        string text = string.Concat(Enumerable.Repeat(part, count));
        ITextTokenizer tokenizer = Read("model").Definition.Open();

        Assert.Equal(text.Length + 1, tokenizer.Encode(text).Sum(tokenizer.ByteLength)); // and the space in front
    }

    [Fact]
    public void Read_SaysWhatIsWrong()
    {
        TinySentencePiece.Write(_folder.Combine("words"), TinySentencePiece.Model(kind: 3));
        Assert.Contains("Word", Assert.Throws<UnsupportedException>(() => Read("words")).Message, StringComparison.Ordinal);

        JsonObject changed = TinySentencePiece.Json();
        JsonArray merges = changed["model"]!["merges"]!.AsArray();
        merges.Remove(merges.First(merge => merge!.GetValue<string>() == "i n"));
        TinySentencePiece.Write(_folder.Combine("merges"), null, Encoding.UTF8.GetBytes(changed.ToJsonString()));
        Assert.Contains("'i' and 'n' are never joined", Assert.Throws<UnsupportedException>(() => Read("merges")).Message,
            StringComparison.Ordinal);
    }

    private static int Id(string piece) => piece.StartsWith("<0x", StringComparison.Ordinal)
        ? 3 + Convert.ToInt32(piece[3..5], 16) : TinySentencePiece.Id(piece);

    private static TokenizerDefinition Gguf(HuggingFaceTokenizer tokenizer)
    {
        var metadata = new GgufMetadata("m.gguf");
        GgufTokenizer.Write(metadata, tokenizer);
        return GgufTokenizer.Read(metadata, "m.gguf");
    }

    private HuggingFaceTokenizer Read(string name) => HuggingFaceTokenizer.Read(_folder.Combine(name), TinySentencePiece.Count + 1);
}
