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
