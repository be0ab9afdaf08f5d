using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.EndToEnd;

/// <summary>Suites that <c>init</c> writes, and the README's way: quick.yaml copied and changed.</summary>
public sealed class InitTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("reference", "gguf:F16", "divergence")] // float weights: every level, against the highest
    [InlineData("gguf", "gguf:given", "measured as it is")]
    [InlineData("mlx", "mlx:4bit-g64", "quantized already")]
    [InlineData("synthetic:tiny", "gguf:Q4_K_M", "No quality")]
    public async Task Init_WritesASuiteThatValidates(string kind, string variant, string says)
    {
        string model = kind switch
        {
            "reference" => RepositoryRoot.Combine("datasets", "reference-model"),
            "gguf" => await SynthesizeAsync("Q4_K_M", "m.gguf"),
            "mlx" => await SynthesizeAsync("mlx:4bit-g64", "m"),
            _ => kind,
        };
        string suite = _folder.Combine("mine.yaml");

        (int code, string output, string error) = await QuantBenchProcess.RunAsync("init", model, "--out", suite);

        Assert.True(code == 0, error);
        string text = File.ReadAllText(suite);
        Assert.Contains($"  - {variant}  #", text, StringComparison.Ordinal);
        Assert.Contains(says, text, StringComparison.Ordinal);
        string next = output.Split('\n').First(l => l.StartsWith("next: quantbench suites validate ", StringComparison.Ordinal));
        (code, output, error) = await QuantBenchProcess.RunAsync(["suites", "validate", .. next.Split(' ')[4..]]);
        Assert.True(code == 0, error + output);
        (code, _, error) = await QuantBenchProcess.RunAsync("init", model, "--out", suite);
        Assert.Equal(65, code); // what somebody may have edited stays
        Assert.Contains("--force", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Quick_CanBeCopiedAndPointedAtAnotherModel()
    {
        string model = await SynthesizeAsync("safetensors:F16", "my-model");
        string suite = _folder.Combine("mine.yaml");
        string text = File.ReadAllText(RepositoryRoot.Combine("suites", "quick.yaml"));
        Assert.Contains("source: ../datasets/reference-model", text, StringComparison.Ordinal);
        text = text.Replace("source: ../datasets/reference-model", $"source: {Path.GetFileName(model)}", StringComparison.Ordinal);
        File.WriteAllText(suite, text.Replace("dataset: sotu", "dataset: trace", StringComparison.Ordinal));

        (int code, string output, string error) = await QuantBenchProcess.RunAsync("suites", "validate", suite);

        Assert.True(code == 0, error);
        Assert.Contains("gguf:Q4_K_M", output, StringComparison.Ordinal);
    }

    private async Task<string> SynthesizeAsync(string scheme, string name)
    {
        string path = _folder.Combine(name);
        (int code, _, string error) =
            await QuantBenchProcess.RunAsync("models", "synthesize", "--like", "tiny", "--scheme", scheme, "--out", path);
        Assert.True(code == 0, error);
        return path;
    }
}
