using System.Text;
using System.Text.Json.Nodes;
using FsCheck.Xunit;
using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Tokenizers;
using QuantBench.Models.Conversion;
using QuantBench.Models.Sources;
using QuantBench.TestKit;

namespace QuantBench.Formats.Tests.Tokenizers;

public class TextTokenizerTests
{
    private static readonly ITextTokenizer Reference = ModelSource.OpenTokenizer(ModelSource.Open(ReferenceModel.Directory));

    [NpmFact(NpmPackage.Texts)]
    public void Encode_GivesLlamaCppsIds_OnTheWholeTestText()
    {
        int[] ids = Reference.Encode(ReferenceText.Sotu());

        Assert.Equal(ReferenceTokens.First, ids[..ReferenceTokens.First.Length]);
        Assert.Equal(ReferenceTokens.Count, ids.Length);
        Assert.Equal(ReferenceTokens.Sha256, ReferenceTokens.Hash(ids));
        Assert.Equal(1052055, ids.Sum(Reference.ByteLength));
    }

    [Theory]
    [InlineData("gpt-2", 457, "c8ebbc0cc2f5910cf7107b863381b0a85e5ca4c656b093841c0f61266e4153b3")]
    [InlineData("llama-bpe", 459, "4603b92b7525f828700d536e473d5b2153c89df66c6ac6b3d47490a5a1e50a52")]
    [InlineData("qwen2", 472, "554af51069bc6c328b3aaf1ca037b531245b07427d35d76d801ec7371d7bf841")]
    [InlineData("smollm", 474, "80262903f83b9db9c8720dd65fe53f010e4bfd53739c28b627792536d6572d80")]
    public void Encode_GivesLlamaCppsIds_OnATrickyText(string pre, int count, string sha256)
    {
        using var directory = new TemporaryDirectory();
        TrickyText.WriteTokenizer(directory.Path, pre);
        HuggingFaceTokenizer read = HuggingFaceTokenizer.Read(directory.Path, TrickyText.VocabularySize);
        var tokenizer = read.Definition.Open();

        int[] ids = tokenizer.Encode(TrickyText.Text);

        Assert.Equal(count, ids.Length);
        Assert.Equal(sha256, ReferenceTokens.Hash(ids));
        Assert.Equal(Encoding.UTF8.GetByteCount(TrickyText.Text), ids.Sum(tokenizer.ByteLength));
        Assert.Equal(TrickyText.Text, Encoding.UTF8.GetString([.. ids.SelectMany(tokenizer.Bytes)]));
        Assert.Equal("<tool>"u8, tokenizer.Bytes(4097));
        Assert.Empty(tokenizer.Bytes(TrickyText.VocabularySize - 1)); // an id without a token

        // Through GGUF and back it is the same tokenizer.
        var metadata = new GgufMetadata("vocabulary.gguf");
        GgufTokenizer.Write(metadata, read);
        var again = GgufTokenizer.Read(metadata, "vocabulary.gguf").Open();
        Assert.Equal(tokenizer.Sha256, again.Sha256);
        Assert.Equal(ids, again.Encode(TrickyText.Text));
        Assert.Equal(pre == "llama-bpe" ? 0 : null, again.BosToken);
    }

    [Property(MaxTest = 300)]
    public void Encode_LosesNoByte_OfAnyText(string? text)
    {
        // Halves of surrogate pairs are written as U+FFFD, as UTF-8 files have it.
        byte[] bytes = Encoding.UTF8.GetBytes(text ?? "");

        int[] ids = Reference.Encode(text ?? "");

        Assert.Equal(bytes.Length, ids.Sum(Reference.ByteLength));
        Assert.Equal(bytes, ids.SelectMany(Reference.Bytes));
        Assert.Equal(ids, Reference.Encode(Encoding.UTF8.GetString(bytes)));
    }

    [Fact]
    public void Encode_TakesSpecialTokensAsText()
    {
        Assert.DoesNotContain(0, Reference.Encode("a<|endoftext|>b"));
        Assert.Equal(0, Reference.ByteLength(0));
        Assert.Null(Reference.BosToken);
        Assert.Equal(4096, Reference.VocabularySize);
    }

    [Fact]
    public void Encode_DropsBytesWithoutAToken()
    {
        // As llama.cpp does: such a vocabulary is broken, but its file may be valid.
        var tokenizer = new BpeTextTokenizer(new BpeDefinition(
            ["a", "b", "ab", ""], [TokenType.Normal, TokenType.Normal, TokenType.Normal, TokenType.Unused], ["a b"], PreTokenizerKind.Gpt2,
            null));

        Assert.Equal([2, 2], tokenizer.Encode("abcéab"));
        Assert.Equal([0, 2], tokenizer.Encode("aab"));
    }

    [Fact]
    public void Encode_GivesSingleBytes_WhenThereAreNoMerges()
    {
        var tokenizer = new BpeTextTokenizer(
            new BpeDefinition(["a", "b"], [TokenType.Normal, TokenType.Normal], [], PreTokenizerKind.Gpt2, null));

        Assert.Equal([1, 0, 0], tokenizer.Encode("baa"));
    }

    [Theory]
    [InlineData("the", 300_000)] // one word without a break, merges everywhere
    [InlineData(" ", 1_000_000)]
    [InlineData("1", 1_000_000)]
    [InlineData("\n", 1_000_000)]
    public void Encode_EndsSoon_OnATextOfOnePiece(string part, int count)
    {
        // Quadratic work would take hours: that this ends is the test.
        string text = string.Concat(Enumerable.Repeat(part, count));

        Assert.Equal(text.Length, Reference.Encode(text).Sum(Reference.ByteLength));
    }

    [NpmFact(NpmPackage.Texts)]
    public void Merge_GivesTheIdsOfTheTestText_WhenEveryPieceCountsAsLong()
    {
        var definition = (BpeDefinition)HuggingFaceTokenizer.Read(ReferenceModel.Directory, 4096).Definition;
        var merger = new LongPieceMerger(
            definition.Tokens.Select((text, id) => (text, id)).ToDictionary(token => token.text, token => token.id), definition.Merges);
        string text = ReferenceText.Sotu();

        int[] ids = [
            .. new PieceScanner(text, definition.PreTokenizer).Pieces()
                .SelectMany(piece => merger.Merge(ByteLevel.Encode(text.AsSpan(piece.Start, piece.Length))))];

        Assert.Equal(ReferenceTokens.Sha256, ReferenceTokens.Hash(ids));
    }

    [Fact]
    public void Encode_GivesNothing_WhenTheTextIsEmpty() => Assert.Empty(Reference.Encode(""));

    [Fact]
    public void Sha256_IsTheSame_ForADirectoryAndTheGgufMadeFromIt()
    {
        using var directory = new TemporaryDirectory();
        string path = directory.Combine("m.gguf");
        HuggingFaceToGguf.Convert(ReferenceModel.Directory, path, GgmlType.F16, new Progress<double>(), CancellationToken.None);

        ITextTokenizer tokenizer = ModelSource.OpenTokenizer(ModelSource.Open(path));

        Assert.Equal(Reference.Sha256, tokenizer.Sha256);
        Assert.Equal(Reference.Encode(TrickyText.Text), tokenizer.Encode(TrickyText.Text));
    }

    [Fact]
    public void Sha256_Changes_WithEverythingThatDecidesIds()
    {
        var definition = (BpeDefinition)Tiny(_ => { }).Definition;
        BpeDefinition[] others =
        [
            definition with { PreTokenizer = PreTokenizerKind.Qwen2 },
            definition with { BosToken = 0 },
            definition with { Merges = definition.Merges.Reverse().ToArray() is var merges ? [.. merges] : [] },
            definition with { Types = definition.Types.SetItem(5, TokenType.UserDefined) },
            definition with { Tokens = definition.Tokens.SetItem(5, "other") },
        ];

        Assert.Equal(others.Length + 1, others.Append(definition).Select(other => other.Sha256()).Distinct().Count());
    }

    [Theory]
    [InlineData("""{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<|endoftext|>","type_id":0}}"""
        + """,{"Sequence":{"id":"A","type_id":0}}]}""", null, 0)]
    [InlineData("""{"type":"Sequence","processors":[{"type":"ByteLevel"}"""
        + """,{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<|endoftext|>","type_id":0}}"""
        + """,{"Sequence":{"id":"A","type_id":0}}]}]}""", null, 0)]
    [InlineData("""{"type":"TemplateProcessing","single":[{"Sequence":{"id":"A","type_id":0}}]}""", null, null)]
    [InlineData("""{"type":"ByteLevel"}""", null, null)]
    [InlineData("""{"type":"ByteLevel"}""", true, 0)]
    // the flag wins
    [InlineData("""{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<|endoftext|>","type_id":0}}"""
        + """,{"Sequence":{"id":"A","type_id":0}}]}""", false, null)]
    public void BosToken_FollowsTemplateAndFlag(string postProcessor, bool? flag, int? bos)
    {
        HuggingFaceTokenizer tokenizer = Tiny(
            json => json["post_processor"] = JsonNode.Parse(postProcessor),
            $$"""{"bos_token":{"content":"<|endoftext|>"}{{(flag is { } add ? $",\"add_bos_token\":{(add ? "true" : "false")}" : "")}}}""");

        Assert.Equal(bos, tokenizer.Definition.BosToken);
    }

    [Theory]
    [InlineData("""{"pre_tokenizer":{"type":"Metaspace"}}""", "the step 'Metaspace'")]
    [InlineData("""{"pre_tokenizer":null}""", "no 'pre_tokenizer'")]
    [InlineData("""{"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":true}}""", "'add_prefix_space'")]
    [InlineData("""{"pre_tokenizer":{"type":"ByteLevel","use_regex":false}}""", "not known")]
    [InlineData("""{"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"x+"},"behavior":"Isolated"}"""
        + """,{"type":"ByteLevel","use_regex":false}]}}""", "x+")]
    [InlineData("""{"normalizer":{"type":"Lowercase"}}""", "'Lowercase'")]
    [InlineData("""{"model":{"type":"WordPiece","vocab":{}}}""", "'WordPiece'")]
    [InlineData("""{"model":{"type":"BPE","byte_fallback":true,"vocab":{"a":1},"merges":["a a"]}}""", "byte_fallback")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":1},"merges":[]}}""", "'model.merges' is empty")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":1,"b":2},"merges":["a b"]}}""", "needs the token 'ab'")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":1,"b":2},"merges":["ab"]}}""", "not a pair")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":1,"b":1},"merges":["a b"]}}""", "same id 1")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":-1},"merges":["a b"]}}""", "between 0 and")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":4000000000},"merges":["a b"]}}""", "between 0 and")]
    [InlineData("""{"model":{"type":"BPE","ignore_merges":true,"vocab":{"a":1},"merges":["a b"]}}""", "ignore_merges")]
    [InlineData("""{"model":null}""", "'model' is missing")]
    [InlineData("""{"added_tokens":[{"id":3,"content":"x"}]}""", "same id 3")]
    public void Read_SaysWhatIsWrong_WhenTheTokenizerIs(string change, string message)
    {
        QuantBenchException error = Assert.ThrowsAny<QuantBenchException>(() => Tiny(json =>
        {
            foreach ((string key, JsonNode? value) in JsonNode.Parse(change)!.AsObject()) json[key] = value?.DeepClone();
        }));

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_GivesTheSame_WhenMergesArePairs()
    {
        HuggingFaceTokenizer asTexts = Tiny(_ => { });
        HuggingFaceTokenizer asPairs = Tiny(json =>
            json["model"]!["merges"] = new JsonArray([
                .. json["model"]!["merges"]!.AsArray()
                    .Select(merge => new JsonArray([.. merge!.GetValue<string>().Split(' ').Select(part => JsonValue.Create(part))]))]));

        Assert.Equal(asTexts.Definition.Sha256(), asPairs.Definition.Sha256());
    }

    [Theory]
    [InlineData("rwkv", "gpt-2", "'rwkv'")]
    [InlineData("bert", "gpt-2", "'bert'")]
    [InlineData("gpt2", "superbpe", "the pre-tokenizer 'superbpe' is not read")]
    [InlineData("gpt2", "kimi-k2", "the pre-tokenizer 'kimi-k2' is not read")]
    public void Read_NamesWhatIsUnsupported_WhenAGgufHasAnotherTokenizer(string model, string pre, string message)
    {
        var metadata = new GgufMetadata("m.gguf");
        metadata.Add("tokenizer.ggml.model", model);
        metadata.Add("tokenizer.ggml.pre", pre);

        UnsupportedException error = Assert.Throws<UnsupportedException>(() => GgufTokenizer.Read(metadata, "m.gguf"));

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new[] { "a", "a", "aa" }, new[] { 1, 1, 1 }, 0u, "same text")]
    [InlineData(new[] { "a", "b", "ab" }, new[] { 1, 1 }, 0u, "2 token types")]
    [InlineData(new[] { "a", "b", "ab" }, new[] { 1, 1, 9 }, 0u, "unknown type 9")]
    [InlineData(new[] { "a", "b", "c" }, new[] { 1, 1, 1 }, 0u, "needs the token 'ab'")]
    [InlineData(new[] { "a", "b", "ab" }, new[] { 1, 1, 1 }, 3u, "the BOS token 3")]
    [InlineData(new[] { "a", "b", "ab" }, new[] { 1, 1, 1 }, uint.MaxValue, "the BOS token 4294967295")]
    public void Read_Throws_WhenGgufMetadataIsBroken(string[] tokens, int[] types, uint bos, string message)
    {
        var metadata = new GgufMetadata("m.gguf");
        metadata.Add("tokenizer.ggml.model", "gpt2");
        metadata.Add("tokenizer.ggml.pre", "gpt-2");
        metadata.Add("tokenizer.ggml.tokens", tokens);
        metadata.Add("tokenizer.ggml.token_type", types);
        metadata.Add("tokenizer.ggml.merges", new[] { "a b" });
        metadata.Add("tokenizer.ggml.bos_token_id", bos);
        metadata.Add("tokenizer.ggml.add_bos_token", true);

        ModelFormatException error = Assert.Throws<ModelFormatException>(() => GgufTokenizer.Read(metadata, "m.gguf"));

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    private static HuggingFaceTokenizer Tiny(Action<JsonObject> change, string config = "{}")
    {
        using var directory = new TemporaryDirectory();
        TinyModel.Write(directory.Path);
        JsonObject json = TinyModel.Tokenizer();
        change(json);
        File.WriteAllText(directory.Combine("tokenizer.json"), json.ToJsonString());
        File.WriteAllText(directory.Combine("tokenizer_config.json"), config);
        return HuggingFaceTokenizer.Read(directory.Path, TinyModel.VocabularySize);
    }
}
