using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using QuantBench.Core.Errors;
using QuantBench.Engines.LlamaCpp.Sessions;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Tokenizers;
using QuantBench.TestKit;

namespace QuantBench.Engines.LlamaCpp.Tests;

/// <summary>Real vocabularies: llama.cpp's own ids, those expected of it, and those of QuantBench's tokenizers, wherever these read a
/// file.</summary>
[Collection(LlamaCollection.Name)]
public sealed class VocabularyTests(LlamaFixture fixture)
{
    // What QuantBench leaves to llama.cpp.
    private static readonly string[] s_foreign = ["bert-bge", "gemma-4"];

    public static TheoryData<string> PreTokenizers => [.. GgufTokenizer.PreTokenizers];

    public static TheoryData<string> Files => [.. Vocabularies.LlamaCpp];

    [VocabularyTheory]
    [MemberData(nameof(Files))]
    public void Encode_GivesLlamaCppsIds_OnEveryVocabulary(string name)
    {
        string path = Vocabularies.Gguf(name);
        using LlamaTokenizer theirs = LlamaTokenizer.Load(fixture.Library, path);
        ITextTokenizer? ours = Own(path, s_foreign.Contains(name));
        foreach ((string text, int[] expected) in Vocabularies.Expected(name))
        {
            // The files' ids hold what stands around a text where the vocabulary is of that kind.
            if (!s_foreign.Contains(name)) Assert.Equal(expected, theirs.Encode(text));
            if (ours is not null) Assert.Equal(expected, ours.Encode(text));
        }

        if (ours is null) return;
        Assert.Equal(theirs.BosToken, ours.BosToken);
        Assert.Equal(theirs.VocabularySize, ours.VocabularySize);
        foreach (string text in (string[])["", " ", "\n", "a", ReferenceText.Sotu(), Vocabularies.Generated(2000, 1)])
            Same(theirs, ours, text);
        int[] seen = [.. ours.Encode(Vocabularies.Generated(2000, 2)).Distinct()];
        Assert.Equal(seen.Select(theirs.ByteLength), seen.Select(ours.ByteLength));
        Assert.Equal(seen.Select(theirs.Bytes), seen.Select(ours.Bytes));
    }

    /// <summary>Every pre-tokenizer's name that is read, on one vocabulary.</summary>
    [VocabularyTheory]
    [MemberData(nameof(PreTokenizers))]
    public void Encode_GivesLlamaCppsIds_WithEveryPreTokenizer(string name)
    {
        string path = fixture.ScratchFile($"pre-{name}.gguf");
        using (GgufReader source = GgufReader.Open(Vocabularies.Gguf("qwen2")))
        {
            var metadata = new GgufMetadata(path);
            foreach ((string key, object value) in source.Metadata) metadata.Add(key, key == "tokenizer.ggml.pre" ? name : value);
            Write(metadata, path);
        }

        using LlamaTokenizer theirs = LlamaTokenizer.Load(fixture.Library, path);
        using GgufReader reader = GgufReader.Open(path);
        ITextTokenizer ours = GgufTokenizer.Read(reader.Metadata, path).Open();
        Assert.Equal(theirs.BosToken, ours.BosToken);
        foreach (string text in (string[])["", ReferenceText.Sotu()[..100_000], Vocabularies.Generated(1000, 3)]) Same(theirs, ours, text);
    }

    /// <summary>Number and SHA-256 of the ids that the package's own encoder gives (tests/vocabularies/encode.mjs).</summary>
    [VocabularyTheory]
    [InlineData("llama2", 32000, "221139 367d8115aebf93e06867105180c9ce6231a6b967f5ad3f9af3a29ca57368bb82")]
    [InlineData("gemma3", 262208, "203554 6f9c058114f202722fe345fae50e3d92262b967577988c3ea647f799ad33bd38")]
    [InlineData("gpt4o", 200064, "202496 1f1f27fbe091d8fdfadaf94bc30ef500811f260058035c9120d9bd4f89c970f2")]
    [InlineData("gptoss", 201088, "202496 1f1f27fbe091d8fdfadaf94bc30ef500811f260058035c9120d9bd4f89c970f2")]
    [InlineData("llama3_1", 128256, "203089 46e7ae04bb80cff8d083485d83a4eba02dc60351072a595376f6b764371bb4fb")]
    [InlineData("qwen3", 151936, "206467 79018a67f94acbe4aa489f02052cedb2a016d40fce1195ad3f966219917efcad")]
    [InlineData("gpt35turbo", 100277, "203105 ae9a873ac0c0233923647a92a2950edce27152c2349bde07248f734c635a99ba")]
    [InlineData("deepseek_v3", 129280, "202167 7f103ca9f76826e56dcba2b78f18209e21eba565979b2b24d084deec1526626c")]
    public void Encode_GivesThePackagesIds_AndKeepsThemInGguf(string package, int vocabulary, string encoded)
    {
        string directory = Directory.CreateDirectory(fixture.ScratchFile(package)).FullName;
        foreach (string file in Directory.GetFiles(Vocabularies.Package(package)))
            File.Copy(file, Path.Combine(directory, Path.GetFileName(file)), overwrite: true);
        File.WriteAllText(Path.Combine(directory, "config.json"), $$"""{"vocab_size": {{vocabulary}}}""");
        HuggingFaceTokenizer read = HuggingFaceTokenizer.Read(directory, vocabulary);
        ITextTokenizer ours = read.Definition.Open();

        int[] ids = ours.Encode(ReferenceText.Sotu());
        Assert.Equal(encoded, $"{ids.Length} {Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(ids.AsSpan())))}");

        ITextTokenizer again = Again(read, $"{package}.gguf", out string path);
        using LlamaTokenizer theirs = LlamaTokenizer.Load(fixture.Library, path);
        string tokens = $"{Vocabularies.Generated(2000, 5)}<|start|>assistant<|channel|>final<|message|>a<|end|>";
        int[] seen = [.. ours.Encode(tokens).Distinct()];
        Assert.Equal(seen.Select(theirs.ByteLength), seen.Select(ours.ByteLength));
        Assert.Equal(seen.Select(theirs.Bytes), seen.Select(ours.Bytes));
        Same(theirs, ours, tokens);
        Assert.Equal(ours.Sha256, again.Sha256);
        Assert.Equal(theirs.BosToken, ours.BosToken);
        foreach (string text in (string[])["", " a", ReferenceText.Sotu(), Vocabularies.Generated(2000, 4)])
        {
            Same(theirs, ours, text);
            Same(theirs, again, text);
        }
    }

    /// <summary>XLM-R's pieces, which one of llama.cpp's files holds, as SentencePiece's own file and as transformers' one. Number and
    /// SHA-256 of the ids are those that SentencePiece gives, sentence by sentence (tests/vocabularies/encode-sentencepiece.mjs).</summary>
    [VocabularyTheory]
    [InlineData("tokenizer.model", "223908 691f9783044f751462788762283b0087152f40b77e01ff17a5da304ca304378d")]
    [InlineData("tokenizer.json", "223908 691f9783044f751462788762283b0087152f40b77e01ff17a5da304ca304378d")]
    public void Encode_GivesThePackagesIds_OfUnigram(string file, string encoded)
    {
        using GgufReader source = GgufReader.Open(Vocabularies.Gguf("nomic-bert-moe"));
        string[] tokens = source.Metadata.GetArray<string>("tokenizer.ggml.tokens");
        float[] scores = source.Metadata.GetArray<float>("tokenizer.ggml.scores");
        int[] types = source.Metadata.GetArray<int>("tokenizer.ggml.token_type");
        var files = new UnigramFiles([.. tokens.Select((token, id) => (token, scores[id], types[id]))],
            source.Metadata.GetArray<byte>("tokenizer.ggml.precompiled_charsmap"), false);
        string directory = fixture.ScratchFile($"unigram-{file}");
        files.Write(directory, file);
        HuggingFaceTokenizer read = HuggingFaceTokenizer.Read(directory, tokens.Length);
        ITextTokenizer ours = read.Definition.Open();

        string text = ReferenceText.Sotu();
        int[] ids = [.. text.Split(['.', '\n']).SelectMany(ours.Encode)];
        Assert.Equal(encoded, $"{ids.Length} {Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(ids.AsSpan())))}");

        ITextTokenizer again = Again(read, $"unigram-{file}.gguf", out string path);
        using LlamaTokenizer theirs = LlamaTokenizer.Load(fixture.Library, path);
        foreach (string other in (string[])["", " a", "a ", "\uFB01 e\u0301\u200B", text[..100_000], Vocabularies.Generated(1000, 6)])
        {
            Same(theirs, ours, other);
            Same(theirs, again, other);
        }
    }

    /// <summary>Llama 2's pieces, which one of llama.cpp's files holds, as SentencePiece's own file.</summary>
    [VocabularyTheory]
    [InlineData("llama-spm", "228764 879cf70217d662ef33d1aa589e6a991db3eae1afbecff04c58b46c6602a1b7f5")]
    public void Encode_GivesThePackagesIds_OfSentencePieceBpe(string name, string encoded)
    {
        using GgufReader source = GgufReader.Open(Vocabularies.Gguf(name));
        string[] tokens = source.Metadata.GetArray<string>("tokenizer.ggml.tokens");
        float[] scores = source.Metadata.GetArray<float>("tokenizer.ggml.scores");
        int[] types = source.Metadata.GetArray<int>("tokenizer.ggml.token_type");
        var files = new UnigramFiles([.. tokens.Select((token, id) => (token, scores[id], types[id]))], [], BytesFallBack: true)
        {
            IsBpe = true,
        };
        string directory = fixture.ScratchFile($"model-{name}");
        files.Write(directory, "tokenizer.model");
        HuggingFaceTokenizer read = HuggingFaceTokenizer.Read(directory, tokens.Length);
        ITextTokenizer ours = read.Definition.Open();

        int[] ids = ours.Encode(ReferenceText.Sotu());
        Assert.Equal(encoded, $"{ids.Length} {Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(ids.AsSpan())))}");

        ITextTokenizer theirs = GgufTokenizer.Read(source.Metadata, name).Open();
        ITextTokenizer again = Again(read, $"model-{name}.gguf", out string path);
        using LlamaTokenizer native = LlamaTokenizer.Load(fixture.Library, path);
        string other = Vocabularies.Generated(1000, 8);
        Same(native, ours, other);
        Same(native, again, other);
        Same(theirs, ours, other);
    }

    /// <summary>A tokenizer as our GGUF file of it gives it back.</summary>
    private ITextTokenizer Again(HuggingFaceTokenizer read, string file, out string path)
    {
        path = fixture.ScratchFile(file);
        var metadata = new GgufMetadata(path);
        metadata.Add("general.architecture", "llama");
        GgufTokenizer.Write(metadata, read);
        Write(metadata, path);
        using GgufReader reader = GgufReader.Open(path);
        return GgufTokenizer.Read(reader.Metadata, path).Open();
    }

    internal static void Same(ITextTokenizer theirs, ITextTokenizer ours, string text)
    {
        int[] expected = theirs.Encode(text), ids = ours.Encode(text);
        int at = expected.AsSpan().CommonPrefixLength(ids);
        int bytes = expected.Take(at).Sum(theirs.ByteLength);
        string near = Encoding.UTF8.GetString([.. Encoding.UTF8.GetBytes(text).Skip(Math.Max(0, bytes - 20)).Take(50)]);
        string own = string.Join(' ', ids.Skip(at).Take(8)), right = string.Join(' ', expected.Skip(at).Take(8));
        Assert.True(at == expected.Length && at == ids.Length, $"from id {at} near '{near}': {own} instead of {right}");
    }

    private static void Write(GgufMetadata metadata, string path)
    {
        using var writer = new GgufWriter(File.Create(path), metadata, []);
        writer.Complete();
    }

    private static ITextTokenizer? Own(string path, bool foreign)
    {
        using GgufReader reader = GgufReader.Open(path);
        if (!foreign) return GgufTokenizer.Read(reader.Metadata, path).Open();
        Assert.Throws<UnsupportedException>(() => GgufTokenizer.Read(reader.Metadata, path));
        return null;
    }
}
