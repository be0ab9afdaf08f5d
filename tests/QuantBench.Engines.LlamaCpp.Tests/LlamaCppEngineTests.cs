using System.Runtime.InteropServices;
using QuantBench.Core.Errors;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.LlamaCpp.Tests;

[Collection(LlamaCollection.Name)]
public sealed partial class LlamaCppEngineTests(LlamaFixture fixture)
{
    [Fact]
    public void Build_NamesReleaseAndFeatures()
    {
        Assert.StartsWith($"llama.cpp {fixture.Version}", fixture.Engine.Build, StringComparison.Ordinal);
        Assert.Contains(fixture.Version == "v0.5.0" ? "(ggml 0.25.1" : "(ggml 0.18.0", fixture.Engine.Build, StringComparison.Ordinal);
        Assert.Contains("CPU", fixture.Engine.Build, StringComparison.Ordinal);
    }

    [Fact]
    public void Model_NamesTheCpuCodeThatComputes()
    {
        string code = Assert.IsAssignableFrom<IEngineReport>(fixture.Model).Facts["cpu_variant"];

        // NuGet's package has a directory for each; a build of the user's own may have one CPU backend only.
        string directory = fixture.Library.Installation.Directory;
        Assert.Single(
            Directory.GetFiles(directory, code == "only" || code == Path.GetFileName(directory) ? "*ggml-cpu.*" : $"*ggml-cpu-{code}.*"));
    }

    [Fact]
    public void Devices_HasTheCpu()
    {
        EngineDevice cpu = Assert.Single(fixture.Engine.Devices(), d => d.Id == "cpu");

        Assert.True(cpu.Support.IsSupported);
        Assert.NotEmpty(cpu.Description);
        Assert.True(cpu.MemoryTotalBytes > 1L << 28);
    }

    [Fact]
    public void CanRun_SaysWhy_WhenItCant()
    {
        string text = fixture.ScratchFile("not-a-model.gguf");
        File.WriteAllText(text, "this is only text");

        Assert.True(fixture.Engine.CanRun(fixture.F32, "cpu").IsSupported);
        Assert.Contains("no such device", fixture.Engine.CanRun(fixture.F32, "cuda:7").Reason, StringComparison.Ordinal);
        Assert.Contains("not a GGUF file", Broken(text), StringComparison.Ordinal);
        Assert.Contains("can't be read", Broken(fixture.ScratchFile("none")), StringComparison.Ordinal);
        Assert.Contains("GGUF", fixture.Engine.CanRun(LlamaFixture.Artifact(text, "safetensors:F32"), "cpu").Reason,
            StringComparison.Ordinal);

        string Broken(string path) =>
            Assert.Throws<ModelFormatException>(() => fixture.Engine.CanRun(LlamaFixture.Artifact(path, "gguf:F32"), "cpu")).Message;
    }

    [Fact]
    public void Load_ReportsTheModelsSizes()
    {
        Assert.Equal(4096, fixture.Model.VocabularySize);
        Assert.Equal(5_770_496, fixture.Model.ParameterCount);
        Assert.Equal(2048, fixture.Model.TrainedContextLength);
        Assert.Equal("cpu", fixture.Model.DeviceUsed);
    }

    [Fact]
    public void Load_BlamesTheFile_WhenItIsTruncated()
    {
        string path = fixture.ScratchFile("truncated.gguf");
        File.WriteAllBytes(path, File.ReadAllBytes(fixture.F32.Path)[..10_000_000]);

        ModelFormatException e =
            Assert.Throws<ModelFormatException>(() => Load(LlamaFixture.Artifact(path, "gguf:F32"), CancellationToken.None));

        Assert.Equal(path, e.File);
        Assert.NotNull(e.Hint);
    }

    [Fact]
    public void Load_Throws_WhenTheDeviceIsntThere() =>
        Assert.Throws<EngineException>(() =>
            fixture.Engine.Load(fixture.F32, "vulkan:9", new LoadOptions { Threads = 1 }, CancellationToken.None));

    [Fact]
    public void Load_Stops_WhenCancelled()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();

        Assert.Throws<OperationCanceledException>(() => Load(fixture.F32, source.Token));
    }

    [Fact]
    public void Log_TakesEveryLine_AndNothingReachesTheTerminal()
    {
        fixture.LogLines.Clear();
        string captured = fixture.ScratchFile("terminal.txt");
        using (new TerminalCapture(captured))
        {
            using ILoadedModel model = Load(fixture.F32, CancellationToken.None);
            using IInferenceSession session = model.CreateSession(new SessionOptions { ContextLength = 64, Threads = 2 });
            session.Append(TokenBatches.Of(fixture.Tokens.AsSpan(0, 16)), CancellationToken.None);
        }

        Assert.Equal("", File.ReadAllText(captured));
        Assert.Contains(fixture.LogLines,
            l => l.StartsWith("I ", StringComparison.Ordinal) && l.Contains("model buffer size", StringComparison.Ordinal));
        Assert.DoesNotContain(fixture.LogLines, l => l.Contains('\n', StringComparison.Ordinal));
    }

    [Fact]
    public void Dispose_EndsTheLog()
    {
        var lines = new List<string>();
        IEngine engine = LlamaCppEngine.Registration.Create(fixture.Environment with { Log = lines.Add });
        engine.Dispose();

        using ILoadedModel model = Load(fixture.F32, CancellationToken.None);

        Assert.Empty(lines);
    }

    private ILoadedModel Load(Artifact artifact, CancellationToken token) =>
        fixture.Engine.Load(artifact, "cpu", new LoadOptions { Threads = 2 }, token);

    /// <summary>Sends the process's stdout and stderr, native code's too, to a file.</summary>
    private sealed partial class TerminalCapture : IDisposable
    {
        private readonly int _stdout;
        private readonly int _stderr;

        public TerminalCapture(string path)
        {
            _stdout = dup(1);
            _stderr = dup(2);
            int file = creat(path, 0x180); // rw for the user
            Assert.True(file >= 0);
            Assert.Equal(1, dup2(file, 1));
            Assert.Equal(2, dup2(file, 2));
            Assert.Equal(0, close(file));
        }

        public void Dispose()
        {
            _ = fflush(0);
            _ = dup2(_stdout, 1);
            _ = dup2(_stderr, 2);
            _ = close(_stdout);
            _ = close(_stderr);
        }

        [LibraryImport("libc")]
        private static partial int dup(int descriptor);

        [LibraryImport("libc")]
        private static partial int dup2(int from, int to);

        [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
        private static partial int creat(string path, uint mode);

        [LibraryImport("libc")]
        private static partial int close(int descriptor);

        [LibraryImport("libc")]
        private static partial int fflush(nint stream);
    }
}
