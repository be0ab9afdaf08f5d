using System.Globalization;
using System.Text.Json;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.EndToEnd;

/// <summary>Models of random weights in every format, written and then measured as suites measure real ones.</summary>
public sealed class SynthesizeTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("gguf:Q4_K_M", "gguf:Q4_K_M", "managed/scalar", 7)]
    [InlineData("safetensors:F16", "safetensors:F16", "managed/scalar", 16.1)]
    [InlineData("mlx:3bit-g64", "mlx:3bit-g64", "managed/scalar", 3.6)]
    [InlineData("gptq:4bit-g128", "gptq:4bit-g128", "managed/scalar", 6.5)] // embeddings stay 16-bit floats
    [InlineData("awq:4bit-g128", "awq:4bit-g128", "managed/scalar", 6.5)]
    [InlineData("onnx:int4-b32", "onnx:given-int4", "onnxruntime/cpu", 6.5)]
    public async Task Synthesize_GivesAModelThatASuiteMeasures_MarkedAsMeaningless(string scheme, string variant, string backend,
        double mostBits)
    {
        string model = _folder.Combine("model");
        (int written, string said,
            string error) = await QuantBenchProcess.RunAsync("models", "synthesize", "--like", "tiny", "--scheme", scheme, "--out", model);
        Assert.True(written == 0, error + said);
        Assert.Contains("its perplexity means nothing", said);
        Assert.Equal([model], Directory.EnumerateFileSystemEntries(_folder.Path));

        JsonElement result = await MeasureAsync(model, variant, backend);

        Assert.True(result.GetProperty("status").GetString() == "ok", result.GetRawText());
        // Whatever the weights are, as many of them are there, and a random model is near a uniform guess among 512 tokens.
        Assert.InRange(Figure(result, "bits_per_weight"), mostBits / 2, mostBits);
        Assert.InRange(Figure(result, "perplexity"), 100, 5000);
        // notes are strings
        Assert.Contains(result.GetProperty("notes").EnumerateArray(),
            note => note.GetString()!.StartsWith("meaningless quality", StringComparison.Ordinal));
        if (!variant.StartsWith("onnx:given", StringComparison.Ordinal) && variant != "gguf:Q4_K_M") return;
        // The user's own file is used where it lies, and outlives the cache.
        string[] artifacts = [.. Directory.EnumerateFiles(_folder.Combine("cache/models"), "*", SearchOption.AllDirectories)
            .Where(f => Path.GetExtension(f) is ".gguf" or ".onnx")];
        string file = File.Exists(model) ? model : Path.Combine(model, "model.onnx");
        string artifact = Assert.Single(artifacts);
        Assert.Equal(model, new FileInfo(File.Exists(model) ? artifact : Path.GetDirectoryName(artifact)!).LinkTarget); // has a parent
        (int code, string list, _) = await QuantBenchProcess.RunAsync("models", "verify", "--cache", _folder.Combine("cache"));
        Assert.True(code == 0, list);
        (code, _, _) = await QuantBenchProcess.RunAsync("models", "gc", "--older-than", "0", "--cache", _folder.Combine("cache"));
        Assert.Equal(0, code);
        Assert.False(File.Exists(artifacts[0]));
        Assert.True(new FileInfo(file).Length > 1000);
    }

    [Fact]
    public async Task Synthesize_RefusesWhatCantBe_AndLeavesNothing()
    {
        (string Variant, string Reason)[] cases =
        [
            ("mlx:7bit-g64", "there is no variant"),
            ("onnx:int8-static", "calibrated with a text"),
            ("mlx:4bit-g64+imatrix", "no importance"),
        ];
        foreach ((string variant, string reason) in cases)
        {
            (int code, _,
                string error) =
                    await QuantBenchProcess.RunAsync("models", "synthesize", "--like", "tiny", "--scheme", variant, "--out",
                        _folder.Combine("model"));

            Assert.NotEqual(0, code);
            Assert.Contains(reason, error);
        }

        string other = _folder.Combine("other");
        Directory.CreateDirectory(other);
        File.WriteAllText(Path.Combine(other, "config.json"), "{}");
        (int refused, _,
            string explained) =
                await QuantBenchProcess.RunAsync("models", "synthesize", "--like", "tiny", "--scheme", "mlx:4bit-g64", "--out", other);
        Assert.NotEqual(0, refused);
        Assert.Contains("something else than a synthetic model", explained);
        Assert.Equal([other], Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task Run_MakesAShapeItself_ForSpeedAndMemory()
    {
        string suite = _folder.Combine("suite.yaml");
        File.WriteAllText(suite, """
            suite: shapes
            models: [{ id: shape, source: "synthetic:tiny" }]
            variants: [gguf:Q4_K_M, "mlx:4bit-g64", "onnx:int4-b32"]
            backends: [managed/scalar, onnxruntime/cpu]
            include:
              - { variant: "gguf:*", backend: managed/scalar }
              - { variant: "mlx:*", backend: managed/scalar }
              - { variant: "onnx:*", backend: onnxruntime/cpu }
            settings: { threads: 1 }
            workloads:
              - load: { repetitions: 1, launches: 1, time_cap: 0.1, warmup_cap: 0 }
              - perplexity: { dataset: trace, chunks: 1 }
            exclude: [{ variant: "mlx:*", workload: perplexity }, { variant: "onnx:*", workload: perplexity }]
            """);

        (int code, string output, string error) = await QuantBenchProcess.RunAsync(
            ["run", suite, "--json", "--results", _folder.Combine("results"), "--cache", _folder.Combine("cache")]);

        Assert.True(code == 0, error + output);
        (string Variant, string Workload, string Status, string? Reason)[] cells =
        [
            .. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement)
                .Where(e => e.GetProperty("event").GetString() == "cell_finished").Select(e => e.GetProperty("result"))
                .Select(r => (r.GetProperty("cell").GetProperty("variant").GetString()!, // cells have all three
                    r.GetProperty("cell").GetProperty("workload").GetString()!, r.GetProperty("status").GetString()!,
                    r.TryGetProperty("reason", out JsonElement reason) ? reason.GetString() : null)),
        ];
        Assert.Equal("ok", cells.Single(c => c is ("gguf:Q4_K_M", "load", _, _)).Status);
        Assert.Equal("ok", cells.Single(c => c is ("mlx:4bit-g64", "load", _, _)).Status);
        (_, _, string onnx, string? why) = cells.Single(c => c.Variant == "onnx:int4-b32");
        Assert.Equal("unsupported", onnx);
        Assert.Contains("models synthesize", why, StringComparison.Ordinal);
        (_, _, string quality, string? random) = cells.Single(c => c.Workload == "perplexity");
        Assert.Equal("unsupported", quality);
        Assert.Contains("random weights read no text", random, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Validate_SaysWhichShapesThereAre()
    {
        string suite = _folder.Combine("suite.yaml");
        File.WriteAllText(suite, """
            suite: shapes
            models: [{ id: shape, source: "synthetic:qwen3-06b" }]
            variants: [gguf:Q4_K_M]
            backends: [llamacpp/cpu]
            workloads: [load]
            """);

        (int code, _, string error) = await QuantBenchProcess.RunAsync("suites", "validate", suite);

        Assert.Equal(65, code);
        Assert.Contains("There is no shape 'qwen3-06b'", error, StringComparison.Ordinal);
        Assert.Contains("qwen3-0.6b", error, StringComparison.Ordinal);
    }

    private static double Figure(JsonElement result, string metric) =>
        result.GetProperty("metrics").EnumerateArray().First(m => m.GetProperty("name").GetString() == metric).GetProperty("value")
            .GetDouble();

    private async Task<JsonElement> MeasureAsync(string model, string variant, string backend)
    {
        string suite = _folder.Combine("suite.yaml"), text = _folder.Combine("text.txt");
        File.WriteAllText(text,
            string.Join(' ',
                Enumerable.Range(0, 100).Select(i => i.ToString(CultureInfo.InvariantCulture) + " is the number of the thing")));
        File.WriteAllText(suite, $$"""
            suite: synthetic
            models: [{ id: m, source: {{model}} }]
            variants: ["{{variant}}"]
            backends: [{{backend}}]
            settings: { threads: 1 }
            workloads: [{ perplexity: { dataset: {{text}}, n_ctx: 64, chunks: 2 } }]
            """);
        (int code, string output, string error) = await QuantBenchProcess.RunAsync(
            ["run", suite, "--json", "--results", _folder.Combine("results"), "--cache", _folder.Combine("cache")]);
        Assert.True(code == 0, error + output);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement)
            .Single(e => e.GetProperty("event").GetString() == "cell_finished").GetProperty("result");
    }
}
