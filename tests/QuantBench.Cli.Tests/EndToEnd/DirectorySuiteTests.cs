using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.EndToEnd;

/// <summary>Models that are directories, through the real command: converted from floats, and quantized sources that are their own
/// variant.</summary>
public sealed class DirectorySuiteTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Run_MeasuresSafetensorsAndMlx_MadeFromTheReferenceModel()
    {
        JsonElement[] cells = await RunAsync(
            RepositoryRoot.Combine("datasets/reference-model"),
            "safetensors:BF16, safetensors:F16, mlx:8bit-g64, mlx:4bit-g32, gguf:BF16, gptq:4bit-g128");

        double bf16 = Figure(cells, "safetensors:BF16", "perplexity");
        Assert.InRange(Figure(cells, "gguf:BF16", "perplexity") / bf16, 0.9999, 1.0001);
        Assert.InRange(Figure(cells, "safetensors:F16", "perplexity") / bf16, 0.999, 1.001);
        Assert.InRange(Figure(cells, "mlx:8bit-g64", "perplexity") / bf16, 0.99, 1.01);
        Assert.InRange(Figure(cells, "mlx:4bit-g32", "perplexity") / bf16, 1.0, 1.1);
        Assert.InRange(Figure(cells, "mlx:4bit-g32", "bits_per_weight"), 5.0, 5.05); // two 16-bit numbers per 32 weights; norms stay floats
        JsonElement refused = cells.Single(c => VariantOf(c) == "gptq:4bit-g128");
        Assert.Equal("unsupported", refused.GetProperty("status").GetString());
        Assert.Contains("it isn't gptq:4bit-g128", refused.GetProperty("reason").GetString());
    }

    [Fact]
    public async Task Run_MeasuresFourBitFloats_MadeFromTheReferenceModel()
    {
        JsonElement[] cells = await RunAsync(
            RepositoryRoot.Combine("datasets/reference-model"),
            "safetensors:BF16, mlx:mxfp4, compressed-tensors:nvfp4, gguf:NVFP4");

        double bf16 = Figure(cells, "safetensors:BF16", "perplexity");
        Assert.InRange(Figure(cells, "mlx:mxfp4", "perplexity") / bf16, 0.9, 1.2); // a short text, which rounding may suit
        Assert.InRange(Figure(cells, "mlx:mxfp4", "bits_per_weight"), 4.25, 4.3); // a byte per 32 weights; norms stay floats
        Assert.InRange(Figure(cells, "compressed-tensors:nvfp4", "perplexity") / bf16, 0.9, 1.15);
        Assert.InRange(Figure(cells, "gguf:NVFP4", "perplexity") / bf16, 0.9, 1.15);
    }

    [Fact]
    public async Task Inspect_PrintsWhatAModelHolds()
    {
        (int code, string output, string error) = await QuantBenchProcess.RunAsync(
            "models", "inspect", RepositoryRoot.Combine("datasets/reference-model"), "--format", "json");

        Assert.True(code == 0, error);
        JsonElement inspection = JsonDocument.Parse(output).RootElement;
        JsonElement group = inspection.GetProperty("groups").EnumerateArray()
            .Single(g => g.GetProperty("name").GetString() == "mlp.down_proj");
        Assert.Equal(("BF16", 6, 16.0), (group.GetProperty("type").GetString(), group.GetProperty("tensors").GetInt32(),
            group.GetProperty("bits_per_weight").GetDouble()));
    }

    [Theory]
    [InlineData("gptq")]
    [InlineData("awq")]
    public async Task Run_MeasuresQuantizedSources_AsTheVariantTheyAre(string format)
    {
        string source = WriteQuantized(format);

        JsonElement[] cells = await RunAsync(source, $"{format}:4bit-g32, gguf:F16");

        // Random weights: only that there is a figure near a uniform guess among 297 tokens, and that nothing was converted.
        Assert.InRange(Figure(cells, $"{format}:4bit-g32", "perplexity"), 100, 3000);
        Assert.InRange(Figure(cells, $"{format}:4bit-g32", "bits_per_weight"), 4.5, 9);
        JsonElement other = cells.Single(c => VariantOf(c) == "gguf:F16");
        Assert.Equal("unsupported", other.GetProperty("status").GetString());
        Assert.Contains($"is {format}:4bit-g32 already", other.GetProperty("reason").GetString());
    }

    private static string VariantOf(JsonElement cell) => cell.GetProperty("cell").GetProperty("variant").GetString() ?? "";

    private static double Figure(JsonElement[] cells, string variant, string metric) => cells.Single(c => VariantOf(c) == variant)
        .GetProperty("metrics").EnumerateArray().First(m => m.GetProperty("name").GetString() == metric).GetProperty("value").GetDouble();

    private async Task<JsonElement[]> RunAsync(string source, string variants)
    {
        string suite = _folder.Combine("suite.yaml"), text = _folder.Combine("text.txt");
        File.WriteAllText(text,
            string.Join(' ',
                Enumerable.Range(0, 600).Select(i => i.ToString(CultureInfo.InvariantCulture) + " is the number of the thing")));
        File.WriteAllText(suite, $$"""
            suite: directories
            models: [{ id: m, source: {{source}} }]
            variants: [{{string.Join(", ", variants.Split(", ").Select(v => $"\"{v}\""))}}]
            backends: [managed/scalar]
            settings: { threads: 2 }
            workloads: [{ perplexity: { dataset: {{text}}, n_ctx: 64, chunks: 3 } }]
            """);
        (int code, string output, string error) = await QuantBenchProcess.RunAsync(
            ["run", suite, "--json", "--results", _folder.Combine("results"), "--cache", _folder.Combine("cache")]);
        Assert.True(code == 0, error + output);
        JsonElement[] events = [
            .. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement)];
        Assert.Equal(0, events[^1].GetProperty("failed").GetInt32());
        return [.. events.Where(e => e.GetProperty("event").GetString() == "cell_finished").Select(e => e.GetProperty("result"))];
    }

    /// <summary>TinyModel with linear layers of random quants.</summary>
    private string WriteQuantized(string format)
    {
        var random = new Random(5);
        string directory = TinyModel.Write(_folder.Combine(format), change: config => config["quantization_config"] = new JsonObject
        {
            ["quant_method"] = format,
            ["bits"] = 4,
            ["group_size"] = 32,
            ["version"] = "gemm",
        });
        var file = new TinySafetensors();
        Floats("model.embed_tokens", [TinyModel.VocabularySize, TinyModel.HiddenSize], 0x2000, 0x2C00); // up to 1/16
        for (int layer = 0; layer < TinyModel.LayerCount; layer++)
        {
            string p = $"model.layers.{layer}";
            Floats($"{p}.input_layernorm", [TinyModel.HiddenSize], 0x3800, 0x3C00); // 1/2 to 1
            Floats($"{p}.post_attention_layernorm", [TinyModel.HiddenSize], 0x3800, 0x3C00); // 1/2 to 1
            Linear($"{p}.self_attn.q_proj", TinyModel.HeadCount * TinyModel.HeadSize, TinyModel.HiddenSize);
            Linear($"{p}.self_attn.k_proj", TinyModel.KeyValueHeadCount * TinyModel.HeadSize, TinyModel.HiddenSize);
            Linear($"{p}.self_attn.v_proj", TinyModel.KeyValueHeadCount * TinyModel.HeadSize, TinyModel.HiddenSize);
            Linear($"{p}.self_attn.o_proj", TinyModel.HiddenSize, TinyModel.HeadCount * TinyModel.HeadSize);
            Linear($"{p}.mlp.gate_proj", TinyModel.IntermediateSize, TinyModel.HiddenSize);
            Linear($"{p}.mlp.up_proj", TinyModel.IntermediateSize, TinyModel.HiddenSize);
            Linear($"{p}.mlp.down_proj", TinyModel.HiddenSize, TinyModel.IntermediateSize);
        }

        Floats("model.norm", [TinyModel.HiddenSize], 0x3800, 0x3C00); // 1/2 to 1
        File.WriteAllBytes(Path.Combine(directory, "model.safetensors"), file.ToArray());
        return directory;

        // Halves between two numbers, of either sign for matrices.
        void Floats(string module, long[] shape, int from, int below)
        {
            byte[] bytes = [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (a, b) => a * b))
                .SelectMany(_ =>
                    BitConverter.GetBytes((ushort)(random.Next(from, below) | (shape.Length > 1 && random.Next(2) == 0 ? 0x8000 : 0))))];
            file.Tensor($"{module}.weight", "F16", shape, bytes);
        }

        void Linear(string module, int rows, int columns)
        {
            byte[] quants = new byte[rows * columns / 2];
            random.NextBytes(quants);
            byte[] zeros = new byte[columns / 32 * rows / 2];
            Array.Fill(zeros, (byte)0x77);
            file.Tensor($"{module}.qweight", "I32", format == "awq" ? [columns, rows / 8] : [columns / 8, rows], quants);
            file.Tensor($"{module}.qzeros", "I32", [columns / 32, rows / 8], zeros);
            file.Tensor($"{module}.scales", "F16", [columns / 32, rows],
                [.. Enumerable.Range(0, columns / 32 * rows).SelectMany(_ => BitConverter.GetBytes((ushort)0x2000))]);
        }
    }
}
