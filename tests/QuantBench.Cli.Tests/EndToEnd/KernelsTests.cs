using System.Text.Json;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.EndToEnd;

/// <summary>Kernels by the real command: timed in workers, recorded as a run, found again by the commands for results.</summary>
public sealed class KernelsTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Run_RecordsKernels_ThatListShowExportAndReportKnow()
    {
        string[] places = ["--results", _folder.Combine("results"), "--cache", _folder.Combine("cache")];

        (int code, string output, string error) = await QuantBenchProcess.RunAsync(
            ["kernels", "run", "--type", "q4_0", "--op", "matvec,dequantize", "--isa", "scalar", "--shape", "64x256", "--threads", "1",
                "--short", "--plain", .. places]);

        Assert.True(code == 0, error + output);
        Assert.Contains("[1/2] Q4_0 matvec 64x256 managed/scalar", output, StringComparison.Ordinal); // progress
        Assert.Contains("Bandwidth matvec (GB/s)", output, StringComparison.Ordinal);

        (_, string listed, _) = await QuantBenchProcess.RunAsync(["results", "list", .. places]);
        Assert.Contains("-kernels-", listed, StringComparison.Ordinal);
        (_, string exported, _) = await QuantBenchProcess.RunAsync(["results", "export", "latest", "--format", "json", .. places]);
        using JsonDocument json = JsonDocument.Parse(exported);
        JsonElement bandwidth = json.RootElement.GetProperty("run").GetProperty("fingerprint").GetProperty("memory_bandwidth");
        double best = new[] { "read", "copy", "triad" }.Max(n => bandwidth.GetProperty($"{n}_bytes_per_second").GetDouble());
        JsonElement[] cells = [.. json.RootElement.GetProperty("cells").EnumerateArray()];
        Assert.Equal(["dequantize", "matvec"],
            cells.Select(c => c.GetProperty("cell").GetProperty("settings").GetProperty("op").GetString()).Order());
        foreach (JsonElement cell in cells)
        {
            Assert.Equal("kernel", cell.GetProperty("cell").GetProperty("workload").GetString());
            Assert.Equal("ggml:Q4_0", cell.GetProperty("cell").GetProperty("variant").GetString());
            double figure = Metric(cell, "kernel_bandwidth").GetProperty("value").GetDouble();
            Assert.True(figure > 0);
            Assert.Equal("B/s", Metric(cell, "kernel_bandwidth").GetProperty("unit").GetString());
            Assert.True(Metric(cell, "kernel_bandwidth").GetProperty("samples").GetArrayLength() >= 1);
            Assert.Equal(figure / best, Metric(cell, "kernel_bandwidth_share").GetProperty("value").GetDouble(), 1e-9);
        }

        (int compared, string same, string problem) = await QuantBenchProcess.RunAsync(["compare", "latest", "latest", .. places]);
        Assert.True(compared == 0, problem);
        Assert.Contains("kernels", same, StringComparison.Ordinal);
        string report = File.ReadAllText(Directory.GetFiles(_folder.Combine("results"), "report.md", SearchOption.AllDirectories).Single());
        Assert.Contains(
            "./run-bench.sh kernels run --type Q4_0 --op matvec,dequantize --shape 64x256 --isa managed/scalar --threads 1 --short", report,
            StringComparison.Ordinal);
        Assert.Contains("Memory bandwidth", report, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_SaysWhichKernelsCannotRun()
    {
        (int code, string output, _) = await QuantBenchProcess.RunAsync(
            "kernels", "run", "--type", "Q4_0,Q4_K", "--op", "vecdot", "--isa", "managed/scalar", "--shape", "32x96", "--short", "--plain",
            "--results", _folder.Combine("results"));

        Assert.Equal(0, code);
        Assert.Contains(
            "Q4_K vecdot 32x96 managed/scalar: unsupported: managed/scalar: rows of 96 weights aren't a whole number of Q4_K's blocks of "
                + "256", output, StringComparison.Ordinal);
        Assert.Contains("1 measured, 1 unsupported, 0 failed", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--type Q9", "there is no block type 'Q9'")]
    [InlineData("--op matvek", "there is no op 'matvek'")]
    [InlineData("--shape 64", "'64' is no shape")]
    [InlineData("--isa sse", "there is no instruction set or backend 'sse' with kernels")]
    public async Task Run_NamesTheWrongWord(string option, string problem)
    {
        (int code, _,
            string error) =
                await QuantBenchProcess.RunAsync(["kernels", "run", .. option.Split(' '), "--results", _folder.Combine("results")]);

        Assert.Equal(65, code);
        Assert.StartsWith($"error: {problem}", error, StringComparison.Ordinal);
        Assert.Contains("hint: ", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.Combine("results")));
    }

    [Fact]
    public async Task List_NamesBackendsTypesAndOps()
    {
        (int code, string output, _) = await QuantBenchProcess.RunAsync("kernels", "list");

        Assert.Equal(0, code);
        Assert.Contains("yes  managed/scalar", output, StringComparison.Ordinal);
        Assert.Contains(" IQ2_XXS ", output, StringComparison.Ordinal);
        Assert.Contains("dequantize, vecdot, matvec, matmat", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Doctor_TellsTheMemoryBandwidth()
    {
        (_, string output, _) = await QuantBenchProcess.RunAsync("doctor", "--json");

        using JsonDocument json = JsonDocument.Parse(output);
        JsonElement bandwidth = json.RootElement.GetProperty("machine").GetProperty("memory_bandwidth");
        Assert.All((string[])["read_bytes_per_second", "copy_bytes_per_second", "triad_bytes_per_second"],
            n => Assert.InRange(bandwidth.GetProperty(n).GetDouble(), 1e6, 1e14));
        Assert.True(bandwidth.GetProperty("threads").GetInt32() >= 1);
    }

    private static JsonElement Metric(JsonElement cell, string name) =>
        cell.GetProperty("metrics").EnumerateArray().Single(m => m.GetProperty("name").GetString() == name);
}
