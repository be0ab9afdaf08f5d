using QuantBench.Core.Errors;
using QuantBench.Engines.OnnxRuntime.Tests.Export;
using QuantBench.Inference.Engines;
using QuantBench.TestKit;

namespace QuantBench.Engines.OnnxRuntime.Tests.Models;

/// <summary>Whatever is wrong with a model ends in one sentence that names the file.</summary>
[Collection(ExportCollection.Name)]
public sealed class BrokenModelTests(ExportFixture fixture)
{
    [Fact]
    public void Load_NamesTheMissingData()
    {
        using var directory = new TemporaryDirectory();
        File.Copy(Path.Combine(fixture.Artifact("onnx:int4-b32"), "model.onnx"), directory.Combine("model.onnx"));

        QuantBenchException error = Refused(directory.Path);

        Assert.Contains("model.onnx.data", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_NamesTruncatedData()
    {
        using TemporaryDirectory directory = Copy();
        using (FileStream data = File.OpenWrite(directory.Combine("model.onnx.data"))) data.SetLength(data.Length / 2);

        Assert.IsType<ModelFormatException>(Refused(directory.Path));
    }

    [Fact]
    public void Load_RefusesAGraphThatIsNoDecoder_AndSaysWhatToUse()
    {
        using var directory = new TemporaryDirectory();
        TensorModelFiles.WriteProduct(directory.Path, [2, 3], [1, 2, 3, 4, 5, 6]);

        UnsupportedException error = Assert.IsType<UnsupportedException>(Refused(directory.Path));

        Assert.Contains("token ids", error.Message, StringComparison.Ordinal);
        Assert.Contains("onnx-latency", error.Hint, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("MatMulNBits", "MatMuxNBits", typeof(UnsupportedException))] // none of the contributed ones
    [InlineData("GroupQueryAttention", "GroupQueryAttentiom", typeof(UnsupportedException))]
    [InlineData("com.microsoft", "com.microsofd", typeof(UnsupportedException))] // an operator set nobody has
    public void Load_NamesOperatorsThatArentThere(string from, string to, Type expected)
    {
        using TemporaryDirectory directory = Copy();
        Replace(directory.Combine("model.onnx"), from, to);

        QuantBenchException error = Refused(directory.Path);

        Assert.IsType(expected, error);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void Load_EndsInOneError_WhenBytesAreChanged()
    {
        // Fixed places over the whole file: a random one would be another test every time.
        byte[] whole = File.ReadAllBytes(Path.Combine(fixture.Artifact("onnx:int4-b32"), "model.onnx"));
        using TemporaryDirectory directory = Copy();
        string path = directory.Combine("model.onnx");
        using OnnxRuntimeEngine engine = OnnxModels.Engine();
        int refused = 0;
        for (int i = 0; i < 150; i++)
        {
            byte[] bytes = [.. whole];
            int at = (int)((long)i * 7919 % whole.Length);
            bytes[at] ^= (byte)(1 << (i % 8));
            if (i % 5 == 0) bytes = bytes[..at];
            File.WriteAllBytes(path, bytes);
            Exception? error = Record.Exception(() =>
                engine.Load(OnnxModels.Artifact(directory.Path), "cpu", new LoadOptions { Threads = 1 }, CancellationToken.None).Dispose());
            Assert.True(error is null or QuantBenchException, $"byte {at}: {error}");
            if (error is not null) refused++;
        }

        Assert.InRange(refused, 30, 150);
    }

    private static QuantBenchException Refused(string directory)
    {
        using OnnxRuntimeEngine engine = OnnxModels.Engine();
        return Assert.ThrowsAny<QuantBenchException>(() =>
            engine.Load(OnnxModels.Artifact(directory), "cpu", new LoadOptions { Threads = 1 }, CancellationToken.None));
    }

    private TemporaryDirectory Copy()
    {
        var directory = new TemporaryDirectory();
        foreach (string file in Directory.GetFiles(fixture.Artifact("onnx:int4-b32")))
            File.Copy(file, directory.Combine(Path.GetFileName(file)));
        return directory;
    }

    // Of the same length, so that the file stays a whole message.
    private static void Replace(string path, string from, string to)
    {
        byte[] bytes = File.ReadAllBytes(path);
        byte[] old = System.Text.Encoding.UTF8.GetBytes(from);
        int count = 0;
        for (int at = bytes.AsSpan().IndexOf(old); at >= 0;)
        {
            System.Text.Encoding.UTF8.GetBytes(to).CopyTo(bytes, at);
            count++;
            int next = bytes.AsSpan(at + 1).IndexOf(old);
            at = next < 0 ? -1 : at + 1 + next;
        }

        Assert.True(count > 0, $"'{from}' is not in the file");
        File.WriteAllBytes(path, bytes);
    }
}
