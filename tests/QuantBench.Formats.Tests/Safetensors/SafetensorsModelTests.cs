using QuantBench.Core.Errors;
using QuantBench.Formats.Safetensors;
using QuantBench.TestKit;

namespace QuantBench.Formats.Tests.Safetensors;

public class SafetensorsModelTests
{
    [Fact]
    public void Open_GivesTheBytesOfTensors_WhenThereIsOneFile()
    {
        using var directory = new TemporaryDirectory();
        directory.Write("model.safetensors",
            new TinySafetensors().Tensor("a", "U8", [2], [1, 2]).Tensor("b", "U8", [3], [3, 4, 5]).ToArray());

        using SafetensorsModel model = SafetensorsModel.Open(directory.Path);

        Assert.Equal<byte>([4, 5], model.Span(model.Tensors["b"], 1, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => { _ = model.Span(model.Tensors["a"], 1, 2); });
    }

    [Fact]
    public void Open_JoinsShards()
    {
        using var directory = new TemporaryDirectory();
        WriteShards(directory, """{"metadata":{"total_size":5},"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors"}}""");

        using SafetensorsModel model = SafetensorsModel.Open(directory.Path);

        Assert.Equal<byte>([1, 2], model.Span(model.Tensors["a"], 0, 2));
        Assert.Equal<byte>([3, 4, 5], model.Span(model.Tensors["b"], 0, 3));
        Assert.Equal(["m-1.safetensors", "m-2.safetensors"], model.Files.Select(Path.GetFileName));
    }

    [Theory]
    [InlineData("""{"weight_map":{"a":"m-1.safetensors","b":"m-1.safetensors"}}""", "'b' is missing")]
    [InlineData("""{"weight_map":{"a":"../m-1.safetensors"}}""", "not a plain file name")]
    [InlineData("""{"weight_map":{"a":"/etc/passwd"}}""", "not a plain file name")]
    [InlineData("""{"weight_map":{"a":".."}}""", "not a plain file name")]
    [InlineData("""{"weight_map":{"a":7}}""", "a string")]
    [InlineData("""{"weight_map":{}}""", "is empty")]
    [InlineData("""{}""", "'weight_map' is missing")]
    [InlineData("""{"weight_map":""", "not valid JSON")]
    public void Open_Throws_WhenTheIndexIsBroken(string index, string message)
    {
        using var directory = new TemporaryDirectory();
        WriteShards(directory, index);

        ModelFormatException error = Assert.Throws<ModelFormatException>(() => SafetensorsModel.Open(directory.Path));

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_NamesTheMissingShard()
    {
        using var directory = new TemporaryDirectory();
        WriteShards(directory, """{"weight_map":{"a":"m-1.safetensors","c":"m-3.safetensors"}}""");

        ModelFormatException error = Assert.Throws<ModelFormatException>(() => SafetensorsModel.Open(directory.Path));

        Assert.Contains("m-3.safetensors", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_JoinsShards_WhoseNamesSayThatTheyAreAll()
    {
        using var directory = new TemporaryDirectory();
        directory.Write("model-00001-of-00002.safetensors", new TinySafetensors().Tensor("a", "U8", [2], [1, 2]).ToArray());
        string second = directory.Write("model-00002-of-00002.safetensors",
            new TinySafetensors().Tensor("b", "U8", [3], [3, 4, 5]).ToArray());
        using (SafetensorsModel model = SafetensorsModel.Open(directory.Path))
        {
            Assert.Equal<byte>([1, 2], model.Span(model.Tensors["a"], 0, 2));
            Assert.Equal<byte>([3, 4, 5], model.Span(model.Tensors["b"], 0, 3));
        }

        File.WriteAllBytes(second, new TinySafetensors().Tensor("a", "U8", [1], [1]).ToArray());
        Assert.Contains("'a' is in two files", Assert.Throws<ModelFormatException>(() => SafetensorsModel.Open(directory.Path)).Message,
            StringComparison.Ordinal);
        File.Delete(second);
        Assert.Contains("'model-00002-of-00002.safetensors' is missing",
            Assert.Throws<ModelFormatException>(() => SafetensorsModel.Open(directory.Path)).Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, byte[]> Others => new()
    {
        { "a zip archive", [.. "PK\u0003\u0004"u8, .. new byte[60]] },
        { "a Python pickle", [0x80, 2, .. new byte[60]] },
        { "a GGUF file", TinyGguf.Build() },
        { "a web page", [.. "\n<!DOCTYPE html><html><body>Access to this model is restricted</body></html>"u8] },
        { "gzip data", [0x1F, 0x8B, 8, .. new byte[60]] },
    };

    [Theory]
    [MemberData(nameof(Others))]
    public void Open_SaysWhatAFileIs_ThatIsCalledAsItIsnt(string what, byte[] bytes)
    {
        using var directory = new TemporaryDirectory();
        directory.Write("model.safetensors", bytes);

        ModelFormatException error = Assert.Throws<ModelFormatException>(() => SafetensorsModel.Open(directory.Path));

        Assert.Contains($"this is {what}", error.Message, StringComparison.Ordinal);
        Assert.Contains("not a safetensors file", error.Message, StringComparison.Ordinal);
        Assert.NotNull(error.Hint);
    }

    [Fact]
    public void Open_CutsNamesOfAMegabyte_InItsMessage()
    {
        using var directory = new TemporaryDirectory();
        string name = new('n', 1 << 20);
        directory.Write("model.safetensors", new TinySafetensors().Tensor(name, "F32", [2], new byte[4]).ToArray());

        ModelFormatException error = Assert.Throws<ModelFormatException>(() => SafetensorsModel.Open(directory.Path));

        Assert.InRange(error.Message.Length, 100, 4000);
        Assert.Contains("takes 8 bytes, but claims 4", error.Message, StringComparison.Ordinal); // the end is still there
    }

    /// <summary>The layout of a hub cache: files are links to blobs beside the snapshots.</summary>
    [Fact]
    public void Open_FollowsLinks_InTheModelOrToAHubCachesBlobs_AndNoOthers()
    {
        using var directory = new TemporaryDirectory();
        byte[] weights = new TinySafetensors().Tensor("a", "U8", [2], [1, 2]).ToArray();
        string snapshot = directory.Combine("models--x/snapshots/abc"), blobs = directory.Combine("models--x/blobs");
        string own = directory.Combine("own"), other = directory.Combine("other");
        foreach (string folder in new[] { snapshot, blobs, own, other }) Directory.CreateDirectory(folder);
        File.WriteAllBytes(Path.Combine(blobs, "hash"), weights);
        File.WriteAllBytes(Path.Combine(own, "stored.bin2"), weights);
        File.CreateSymbolicLink(Path.Combine(snapshot, "model.safetensors"), "../../blobs/hash");
        File.CreateSymbolicLink(Path.Combine(own, "model.safetensors"), "stored.bin2");
        Directory.CreateSymbolicLink(directory.Combine("linked"), own); // A user's own link to the whole directory.
        File.CreateSymbolicLink(Path.Combine(other, "model.safetensors"), Path.Combine(blobs, "hash"));

        foreach (string good in new[] { snapshot, own, directory.Combine("linked") }) SafetensorsModel.Open(good).Dispose();
        Assert.Contains("outside of the model's directory", Assert.Throws<ModelFormatException>(() => SafetensorsModel.Open(other)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Open_SaysWhatToDo_WhenThereAreOnlyPyTorchWeights()
    {
        using var directory = new TemporaryDirectory();
        directory.Write("pytorch_model.bin", [1]);

        Assert.Contains("safe_serialization", Assert.Throws<UnsupportedException>(() => SafetensorsModel.Open(directory.Path)).Hint,
            StringComparison.Ordinal);
    }

    private static void WriteShards(TemporaryDirectory directory, string index)
    {
        directory.Write("m-1.safetensors", new TinySafetensors().Tensor("a", "U8", [2], [1, 2]).ToArray());
        directory.Write("m-2.safetensors", new TinySafetensors().Tensor("b", "U8", [3], [3, 4, 5]).ToArray());
        File.WriteAllText(directory.Combine("model.safetensors.index.json"), index);
    }
}
