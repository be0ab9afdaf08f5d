using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Conversion;
using QuantBench.Models.Sources;
using QuantBench.TestKit;

namespace QuantBench.Models.Tests.Sources;

public class ModelSourceTests
{
    [Fact]
    public void Open_FindsTheFilesOfADirectory()
    {
        using var directory = new TemporaryDirectory();
        string model = TinyModel.Write(directory.Combine("m"));
        File.WriteAllText(Path.Combine(model, "README.md"), "not part of it");

        ModelSource source = ModelSource.Open(model + "/");

        Assert.Equal(SourceKind.HuggingFace, source.Kind);
        Assert.Equal(model, source.Path);
        Assert.Equal(["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"],
            source.Files.Select(Path.GetFileName));
        Assert.Matches("^[0-9a-f]{64}$", source.Sha256);
        Assert.Equal(297, ModelSource.OpenTokenizer(source).VocabularySize);
    }

    [Fact]
    public void Sha256_DependsOnContentAlone()
    {
        using var directory = new TemporaryDirectory();
        string a = ModelSource.Open(TinyModel.Write(directory.Combine("a"))).Sha256;
        string b = ModelSource.Open(TinyModel.Write(directory.Combine("b"))).Sha256;
        string other = ModelSource.Open(TinyModel.Write(directory.Combine("c"), seed: 2)).Sha256;

        Assert.Equal(a, b);
        Assert.NotEqual(a, other);
    }

    [Fact]
    public void Open_RemembersHashes_UntilAFileChanges()
    {
        using var directory = new TemporaryDirectory();
        string path = directory.Write("m.gguf", TinyGguf.Build());
        string cache = directory.Combine("cache");
        string first = ModelSource.Open(path, cache).Sha256;
        string entry = Assert.Single(Directory.GetFiles(cache));

        // A mark in the cache shows that the second time it was read, not computed.
        string hash = new('0', 64);
        File.WriteAllText(entry, System.Text.RegularExpressions.Regex.Replace(File.ReadAllText(entry), "[0-9a-f]{64}", hash));
        string remembered = ModelSource.Open(path, cache).Sha256;
        File.SetLastWriteTimeUtc(path, File.GetLastWriteTimeUtc(path).AddSeconds(1));
        string again = ModelSource.Open(path, cache).Sha256;

        Assert.NotEqual(first, remembered);
        Assert.Equal(first, again);
    }

    [Fact]
    public void Open_ComputesHashes_WhenTheCacheIsBroken()
    {
        using var directory = new TemporaryDirectory();
        string path = directory.Write("m.gguf", TinyGguf.Build());
        string cache = directory.Combine("cache");
        string first = ModelSource.Open(path, cache).Sha256;
        File.WriteAllText(Directory.GetFiles(cache)[0], "{");

        Assert.Equal(first, ModelSource.Open(path, cache).Sha256);
        Assert.Equal(first, ModelSource.Open(path, path).Sha256); // a file where the directory should be
        Assert.Equal(first, ModelSource.Open(path).Sha256);
    }

    [Fact]
    public void Open_SaysWhatToGive_WhenNothingIsThere()
    {
        using var directory = new TemporaryDirectory();

        Assert.Contains("Hugging Face directory", Assert.Throws<RequestException>(() => ModelSource.Open(directory.Combine("none"))).Hint,
            StringComparison.Ordinal);
        Assert.Contains("download it first", Assert.Throws<RequestException>(() => ModelSource.Open("some-maker/some-model")).Hint,
            StringComparison.Ordinal);
        Assert.Contains("no config.json", Assert.Throws<RequestException>(() => ModelSource.Open(directory.Path)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Open_PointsAtAGgufFile_WhenItsDirectoryIsGiven()
    {
        using var directory = new TemporaryDirectory();
        directory.Write("m.gguf", TinyGguf.Build());

        Assert.Contains("m.gguf", Assert.Throws<RequestException>(() => ModelSource.Open(directory.Path)).Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_Throws_WhenAFileIsNoModel()
    {
        using var directory = new TemporaryDirectory();

        Assert.Throws<ModelFormatException>(() => ModelSource.Open(directory.Write("notes.txt", [1, 2, 3, 4, 5])));
    }

    [Fact]
    public void OpenTokenizer_SaysWhatIsMissing_WhenThereIsOnlySentencePiece()
    {
        using var directory = new TemporaryDirectory();
        TinyModel.Write(directory.Path);
        File.Move(directory.Combine("tokenizer.json"), directory.Combine("tokenizer.model"));
        ModelSource source = ModelSource.Open(directory.Path);

        Assert.Contains("SentencePiece", Assert.Throws<UnsupportedException>(() => ModelSource.OpenTokenizer(source)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void InspectGguf_CountsBytesAndWeights()
    {
        using var directory = new TemporaryDirectory();
        string path = directory.Combine("m.gguf");
        HuggingFaceToGguf.Convert(TinyModel.Write(directory.Combine("m")), path, GgmlType.F32, new Progress<double>(),
            CancellationToken.None);

        ArtifactSize size = ArtifactInspector.InspectGguf(path);

        // Embedding, and per layer: Q and O, K and V, three of the feed-forward layer, two norms; the last norm.
        long weights = (297 * 64) + (2 * ((2 * 64 * 64) + (2 * 32 * 64) + (3 * 128 * 64) + (2 * 64))) + 64;
        Assert.Equal(new ArtifactSize(new FileInfo(path).Length, weights * 4, weights), size);
    }
}
