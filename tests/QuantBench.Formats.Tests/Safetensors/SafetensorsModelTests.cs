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

        RequestException error = Assert.Throws<RequestException>(() => SafetensorsModel.Open(directory.Path));

        Assert.Contains("m-3.safetensors", error.Message, StringComparison.Ordinal);
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
