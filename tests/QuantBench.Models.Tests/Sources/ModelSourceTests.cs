using Microsoft.Extensions.Time.Testing;
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
        string first = Hashes(cache).Sha256(path);
        string entry = Assert.Single(Directory.GetFiles(cache));

        // A mark in the cache shows that the second time it was read, not computed.
        string hash = new('0', 64);
        File.WriteAllText(entry, System.Text.RegularExpressions.Regex.Replace(File.ReadAllText(entry), "[0-9a-f]{64}", hash));
        string remembered = Hashes(cache).Sha256(path);
        string forced = Hashes(cache, rehash: true).Sha256(path);
        File.WriteAllText(entry, System.Text.RegularExpressions.Regex.Replace(File.ReadAllText(entry), "[0-9a-f]{64}", hash));
        File.SetLastWriteTimeUtc(path, File.GetLastWriteTimeUtc(path).AddSeconds(1));
        string again = Hashes(cache).Sha256(path);

        Assert.Equal(hash, remembered);
        Assert.Equal(first, forced);
        Assert.Equal(first, again);
    }

    [Theory]
    [InlineData("written over")]
    [InlineData("put in its place")]
    [InlineData("led to by the link")]
    public void Open_SeesAnotherContent_UnderTheSameSizeAndTime(string how)
    {
        using var directory = new TemporaryDirectory();
        string cache = directory.Combine("cache");
        string path = directory.Write("m.gguf", TinyGguf.Build());
        string other = directory.Write("n.gguf", TinyGguf.Build());
        byte[] changed = File.ReadAllBytes(other);
        changed[^1] ^= 1;
        File.WriteAllBytes(other, changed);
        var time = new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        File.SetLastWriteTimeUtc(path, time);
        File.SetLastWriteTimeUtc(other, time);
        string opened = how.StartsWith("led", StringComparison.Ordinal)
            ? File.CreateSymbolicLink(directory.Combine("link.gguf"), path).FullName : path;
        string before = Hashes(cache).Sha256(opened);

        if (how == "written over") File.WriteAllBytes(path, changed);
        else if (how == "put in its place") File.Move(other, path, overwrite: true);
        else
        {
            File.Delete(opened);
            File.CreateSymbolicLink(opened, other);
        }

        File.SetLastWriteTimeUtc(path, time);
        Assert.NotEqual(before, Hashes(cache).Sha256(opened));
    }

    [Fact]
    public void Open_RemembersNothing_OfAFileThatHasJustChanged()
    {
        using var directory = new TemporaryDirectory();
        string path = directory.Write("m.gguf", TinyGguf.Build());

        string hash = ModelSource.Open(path, directory.Combine("cache")).Sha256; // it may change again in the same step of the clock

        Assert.Equal(64, hash.Length);
        Assert.False(Directory.Exists(directory.Combine("cache")));
    }

    [Fact]
    public void Open_ComputesHashes_WhenTheCacheIsBroken()
    {
        using var directory = new TemporaryDirectory();
        string path = directory.Write("m.gguf", TinyGguf.Build());
        string cache = directory.Combine("cache");
        string first = Hashes(cache).Sha256(path);
        File.WriteAllText(Directory.GetFiles(cache)[0], "{");

        Assert.Equal(first, Hashes(cache).Sha256(path));
        Assert.Equal(first, Hashes(path).Sha256(path)); // a file where the directory should be
        Assert.Equal(first, Hashes(null).Sha256(path));
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
    public void OpenTokenizer_SaysWhatIsWrong_WhenASentencePieceModelIsNone()
    {
        using var directory = new TemporaryDirectory();
        TinyModel.Write(directory.Path);
        File.Move(directory.Combine("tokenizer.json"), directory.Combine("tokenizer.model"));
        ModelSource source = ModelSource.Open(directory.Path);

        Assert.Contains("SentencePiece", Assert.Throws<ModelFormatException>(() => ModelSource.OpenTokenizer(source)).Message,
            StringComparison.Ordinal);
    }

    /// <summary>Reading a pipe waits for ever, and a device has no end.</summary>
    [Theory]
    [InlineData("m.gguf")]
    [InlineData("m.onnx")]
    public void Open_RefusesDevicesAndPipes(string name)
    {
        if (!OperatingSystem.IsLinux()) return;
        using var directory = new TemporaryDirectory();
        string path = directory.Combine(name);
        File.CreateSymbolicLink(path, "/dev/zero");

        Assert.Contains("a pipe or a device", Assert.Throws<RequestException>(() => ModelSource.Open(path)).Message,
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

    // An hour from now, when change times of today are settled.
    private static FileHashes Hashes(string? cache, bool rehash = false) =>
        new(cache, new FakeTimeProvider(TimeProvider.System.GetUtcNow().AddHours(1)), rehash);
}
