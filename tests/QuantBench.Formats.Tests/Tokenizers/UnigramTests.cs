using System.Text;
using System.Text.Json.Nodes;
using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Tokenizers;
using QuantBench.TestKit;

namespace QuantBench.Formats.Tests.Tokenizers;

/// <summary>SentencePiece Unigram, on ids that are worked out by hand; real vocabularies are compared with llama.cpp in its engine's
/// tests.</summary>
public sealed class UnigramTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("the", "▁the")]
    [InlineData("there", "▁the re")] // -5, where '▁th ere' is -5.5 and '▁ there' -11
    [InlineData("  the \n\t there  ", "▁the ▁the re")]
    [InlineData("ﬁa", "▁ fi a")]
    [InlineData("e\u0301", "▁ é")]
    [InlineData("t\u200Bhe", "▁the")]
    [InlineData("ate", "▁a t e")]
    [InlineData("axy e", "▁a <unk> ▁ e")] // unknown neighbours are one token
    [InlineData("\U00010400\U0001F600a", "▁ \U00010400 <unk> a")]
    [InlineData("<s>", "▁ <unk>")]
    [InlineData("", "")]
    [InlineData(" \n ", "")]
    public void Encode_TakesTheWayOfTheBestScore(string text, string pieces)
    {
        UnigramFiles tiny = UnigramFiles.Tiny();
        tiny.Write(_folder.Combine("model"), "tokenizer.model");
        tiny.Write(_folder.Combine("json"), "tokenizer.json");
        HuggingFaceTokenizer model = Read("model"), json = Read("json");
        int[] expected = [.. pieces.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(tiny.Id)];

        Assert.Equal(expected, model.Definition.Open().Encode(text));
        Assert.Equal(expected, json.Definition.Open().Encode(text));
        Assert.Equal(expected, Gguf(json).Open().Encode(text));
        Assert.Equal(json.Definition.Sha256(), model.Definition.Sha256());
        Assert.Equal(json.Definition.Sha256(), Gguf(json).Sha256());
        Assert.Null(model.Definition.BosToken);
    }

    [Fact]
    public void Encode_GivesBytes_WhereTheyFallBack()
    {
        UnigramFiles tiny = UnigramFiles.Tiny(bytesFallBack: true);
        tiny.Write(_folder.Combine("model"), "tokenizer.model");
        tiny.Write(_folder.Combine("json"), "tokenizer.json");
        int[] expected = [.. "▁a <0xC3> <0xBC> <0xF0> <0x9F> <0x98> <0x80> ▁the".Split(' ').Select(tiny.Id)];

        foreach (string name in (string[])["model", "json"])
        {
            ITextTokenizer tokenizer = Read(name).Definition.Open();
            Assert.Equal(expected, tokenizer.Encode("aü\U0001F600 the"));
            Assert.Equal([2, 1, 1, 1, 1, 1, 1, 4], expected.Select(tokenizer.ByteLength));
        }

        // As llama.cpp has it, whatever the model does.
        Assert.Equal([tiny.Id("▁a"), tiny.Id("<unk>"), tiny.Id("▁the")], Gguf(Read("json")).Open().Encode("aü\U0001F600 the"));
    }

    [Theory]
    [InlineData("Prepend", true, "  the", "▁ ▁ ▁the")]
    [InlineData("Metaspace", true, "  the", "▁ ▁ ▁the")]
    [InlineData("never", false, "the", "the")]
    public void Encode_KeepsSpaces_WhereNothingDropsThem(string how, bool prefix, string text, string pieces)
    {
        UnigramFiles tiny = UnigramFiles.Tiny();
        JsonObject json = tiny.Json();
        json["normalizer"] = how != "Prepend" ? null : JsonNode.Parse("""
            {"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]}
            """);
        json["pre_tokenizer"] = how == "Prepend" ? null : JsonNode.Parse(
            $$"""{"type":"Metaspace","replacement":"▁","prepend_scheme":"{{(prefix ? "first" : "never")}}","split":false}""");
        tiny.Write(_folder.Combine("json"), "tokenizer.json", Encoding.UTF8.GetBytes(json.ToJsonString()));
        HuggingFaceTokenizer read = Read("json");

        int[] expected = [.. pieces.Split(' ').Select(tiny.Id)];
        Assert.Equal(expected, read.Definition.Open().Encode(text));
        Assert.Equal(expected, Gguf(read).Open().Encode(text));
        Assert.Equal(prefix, read.AddSpacePrefix);
    }

    [Fact]
    public void Encode_TakesUserDefinedTokensFirst()
    {
        UnigramFiles tiny = UnigramFiles.Tiny() with { Pieces = [.. UnigramFiles.Tiny().Pieces, ("ere", 0, 4)] };
        tiny = tiny with { Pieces = [.. tiny.Pieces.Where(p => p != ("ere", -2.5f, 1))] };
        tiny.Write(_folder.Combine("model"), "tokenizer.model");

        Assert.Equal([tiny.Id("▁th"), tiny.Id("ere"), tiny.Id("▁a")], Read("model", tiny.Count).Definition.Open().Encode("therea"));
    }

    [Fact]
    public void Bytes_AreWhatATokenStandsFor()
    {
        UnigramFiles tiny = UnigramFiles.Tiny(bytesFallBack: true);
        tiny = tiny with { Pieces = [.. tiny.Pieces, ("<tool>", 0, 4), ("leftout", 0, 5)] };
        tiny.Write(_folder.Combine("model"), "tokenizer.model");
        ITextTokenizer tokenizer = Read("model", tiny.Count + 1).Definition.Open();

        Assert.Equal(" the"u8, tokenizer.Bytes(tiny.Id("▁the")));
        Assert.Equal("\U00010400"u8, tokenizer.Bytes(tiny.Id("\U00010400")));
        Assert.Equal([0xC3], tokenizer.Bytes(tiny.Id("<0xC3>")));
        Assert.Equal("<tool>"u8, tokenizer.Bytes(tiny.Id("<tool>")));
        foreach (string none in (string[])["<unk>", "<s>", "leftout"]) Assert.Empty(tokenizer.Bytes(tiny.Id(none)));
        Assert.Empty(tokenizer.Bytes(tiny.Count)); // an id that only the embedding has
        foreach (int other in (int[])[-1, tiny.Count + 1])
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.Bytes(other));
            Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.ByteLength(other));
        }

        const string Text = " the aé there";
        int[] ids = tokenizer.Encode(Text);
        Assert.Equal(Text, Encoding.UTF8.GetString([.. ids.SelectMany(tokenizer.Bytes)]));
    }

    [Theory]
    [InlineData("LlamaTokenizer", 1)] // transformers' class adds BOS unless the file says no
    [InlineData("T5Tokenizer", null)]
    public void Read_AddsBos_WhereTheClassDoes(string name, int? bos)
    {
        UnigramFiles.Tiny().Write(_folder.Combine("model"), "tokenizer.model");
        File.WriteAllText(_folder.Combine("model/tokenizer_config.json"), $$"""{"bos_token":"<s>","tokenizer_class":"{{name}}"}""");

        HuggingFaceTokenizer read = Read("model");

        Assert.Equal(bos, read.Definition.BosToken);
        Assert.Equal(bos, Gguf(read).BosToken);
    }

    [Theory]
    [InlineData("a", 400_000)]
    [InlineData("there", 200_000)]
    [InlineData("x", 400_000)]
    public void Encode_EndsSoon_OnATextOfOnePiece(string part, int count)
    {
        UnigramFiles.Tiny().Write(_folder.Combine("model"), "tokenizer.model");

        Assert.NotEmpty(Read("model").Definition.Open().Encode(string.Concat(Enumerable.Repeat(part, count))));
    }

    [Theory]
    [InlineData("""{"normalizer":{"type":"Lowercase"}}""", "the normalizer 'Lowercase'")]
    [InlineData("""{"normalizer":{"type":"Replace","pattern":{"String":"``"},"content":"\""}}""", "the normalizer 'Replace'")]
    [InlineData("""{"normalizer":{"type":"Precompiled","precompiled_charsmap":"&"}}""", "base64")]
    [InlineData("""{"normalizer":{"type":"Precompiled","precompiled_charsmap":"AAEAAAA="}}""", "precompiled_charsmap")]
    [InlineData("""{"normalizer":{"type":"Precompiled","precompiled_charsmap":"BAAAAAAEAAAA"}}""", "leads to place 255 of 1")]
    [InlineData("""{"pre_tokenizer":{"type":"ByteLevel"}}""", "the pre-tokenizer 'ByteLevel'")]
    [InlineData("""{"pre_tokenizer":null}""", "leaves spaces")]
    [InlineData("""{"normalizer":null,"pre_tokenizer":{"type":"WhitespaceSplit"}}""", "'WhitespaceSplit'")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a",-1]],"unk_id":null},"added_tokens":[]}""", "'model.unk_id'")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a",-1]],"unk_id":4000},"added_tokens":[]}""", "unk_id")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a"]],"unk_id":0}}""", "a piece and its score")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a",-1],["a",-2]],"unk_id":0},"added_tokens":[]}""", "same text")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a",-1],["a▁b",-2]],"unk_id":0},"added_tokens":[]}""", "'a▁b' is never found")]
    public void Read_SaysWhatIsWrong(string change, string message)
    {
        JsonObject json = UnigramFiles.Tiny().Json();
        foreach ((string key, JsonNode? value) in JsonNode.Parse(change)!.AsObject()) json[key] = value?.DeepClone();
        UnigramFiles.Tiny().Write(_folder.Combine("json"), "tokenizer.json", Encoding.UTF8.GetBytes(json.ToJsonString()));

        Assert.Contains(message, Assert.ThrowsAny<QuantBenchException>(() => Read("json")).Message, StringComparison.Ordinal);
    }

    private static TokenizerDefinition Gguf(HuggingFaceTokenizer tokenizer)
    {
        var metadata = new GgufMetadata("m.gguf");
        GgufTokenizer.Write(metadata, tokenizer);
        return GgufTokenizer.Read(metadata, "m.gguf");
    }

    private HuggingFaceTokenizer Read(string name, int? vocabulary = null) =>
        HuggingFaceTokenizer.Read(_folder.Combine(name), vocabulary ?? UnigramFiles.Tiny().Count);
}
