using System.Security.Cryptography;
using System.Text.Json.Nodes;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.Compatibility;

/// <summary>What an earlier build wrote is read, and means the same.</summary>
public sealed class EarlierResultsTests : IDisposable
{
    private readonly EarlierResults _earlier = new();

    public void Dispose() => _earlier.Dispose();

    [Theory]
    [InlineData(EarlierResults.First, "json", "d6fc00fbcc8c67e9e56616a70663b19b52b572c00ed91a05761f9e5cbd839cef")]
    [InlineData(EarlierResults.First, "csv", "0a8ca7fd5bd808756e0598fc4684bf869bfe5eda477e114d5de1edcfcc476d72")]
    [InlineData(EarlierResults.Second, "json", "d3b3870423a15da37d14bbbad0121898d26a65b0cf6e9551b00578b2a6d61bc4")]
    [InlineData(EarlierResults.Second, "csv", "f48f358b80f62bd9bb11c9e25b07e0253de5fb4453cade8ebb513e68efe3337e")]
    public async Task Export_IsByteForByteTheEarlierBuilds(string run, string format, string sha256)
    {
        string file = Path.Combine(_earlier.Directory, "export");

        Assert.Equal("", await OutputAsync("results", "export", run, "--format", format, "--out", file));

        byte[] written = await File.ReadAllBytesAsync(file);
        // A whole text shows what differs; the hash holds the rest.
        if ((run, format) is (EarlierResults.Second, "json"))
            Assert.Equal(await File.ReadAllTextAsync(EarlierResults.Golden("export.json")), await File.ReadAllTextAsync(file));
        Assert.Equal(sha256, Convert.ToHexStringLower(SHA256.HashData(written)));
    }

    [Fact]
    public async Task Compare_GivesTheEarlierBuildsFigures_AndSaysWhatTheyLack()
    {
        string[] before = Lines(await File.ReadAllTextAsync(EarlierResults.Golden("compare.csv")));
        string[] now = Lines(await OutputAsync("compare", EarlierResults.First, EarlierResults.Second, "--format", "csv"));

        // Both sides, the cell, the metric and its figures; what it comes to rests on launches, and the earlier build made one each.
        Assert.Equal(before.Select(Figures).Order(), now.Select(Figures).Order());
        Assert.All(now.Where(l => l.Contains(",tg_tps,", StringComparison.Ordinal)),
            l => Assert.Contains("can't tell from one launch a side", l, StringComparison.Ordinal));

        static string[] Lines(string csv) => csv.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        static string Figures(string line) => string.Join(',', line.Split(',').Take(9));
    }

    [Fact]
    public async Task ListAndShow_TellOfEveryRunAndCell()
    {
        string list = await OutputAsync("results", "list");
        string show = await OutputAsync("results", "show", EarlierResults.First);

        Assert.Equal([EarlierResults.Second, EarlierResults.First], list.Trim().Split('\n').Select(l => l.Split(' ')[0]));
        Assert.Contains("27 of 27 cells finished", show, StringComparison.Ordinal);
        Assert.Equal(2, show.Split('\n').Count(l => l.StartsWith("unsupported: ", StringComparison.Ordinal)));
        Assert.Equal(2, show.Split('\n').Count(l => l.StartsWith("failed: ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task SuiteOfTheRun_HasTheSameCellsInTheSameOrder()
    {
        string suite = Path.Combine(_earlier.Directory, "compat.yaml");
        await File.WriteAllTextAsync(suite, (string)RunFile(EarlierResults.First)["suite_text"]!); // every run has one

        // Its models aren't on this machine, which is said beside the cells.
        (int code, string output, string error) = await QuantBenchProcess.RunAsync("suites", "validate", suite);
        string[] lines = output.Split('\n');
        Assert.Equal(65, code);
        Assert.Contains("There is no model at", error, StringComparison.Ordinal);

        // Cells are measured in the order they are listed.
        Assert.Equal(Cells(EarlierResults.First).Select(c => c.Id), lines[..27].Select(l => l.Split(' ')[0]));
    }

    [Fact]
    public async Task Resume_MeasuresNothingAgain()
    {
        string place = Path.Combine(_earlier.Directory, "place");
        Directory.CreateDirectory(place);
        Directory.CreateSymbolicLink(Path.Combine(place, "datasets"), RepositoryRoot.Combine("datasets"));
        await File.WriteAllTextAsync(Path.Combine(place, "broken.gguf"), "GGUF, but no more of it");
        string run = _earlier.FileOf(EarlierResults.First, "run.json");
        string there = await File.ReadAllTextAsync(run);
        await File.WriteAllTextAsync(run, there.Replace("/home/bench/quantbench", place, StringComparison.Ordinal));
        string cells = _earlier.FileOf(EarlierResults.First, "cells.jsonl");
        byte[] before = await File.ReadAllBytesAsync(cells);

        (int code, string output, string error) =
            await QuantBenchProcess.RunAsync("resume", EarlierResults.First, "--force", "--plain", "--results", _earlier.Directory);

        Assert.True(code == 2, $"{code}\n{output}\n{error}"); // as before: two of its cells have failed
        Assert.Contains("23 measured, 2 unsupported, 2 failed", output + error, StringComparison.Ordinal);
        Assert.Equal(before, await File.ReadAllBytesAsync(cells));
    }

    [Fact]
    public async Task NewRunOfTheSuite_MeasuresTheSameThingsUnderTheSameNames()
    {
        string place = Path.Combine(_earlier.Directory, "new", "suites");
        Directory.CreateDirectory(place);
        Directory.CreateSymbolicLink(Path.Combine(place, "..", "datasets"), RepositoryRoot.Combine("datasets"));
        string suite = Path.Combine(place, "compat.yaml");
        await File.WriteAllTextAsync(suite, (string)RunFile(EarlierResults.First)["suite_text"]!); // every run has one
        string results = Path.Combine(place, "results");

        // No cell of the broken model: its file isn't kept.
        (int code, string output, string error) = await QuantBenchProcess.RunAsync(
            "run", suite, "--only", "model=reference,variant=Q8_0,backend=llamacpp/*", "--only", "mlx:4bit-g64", "--only", "ggml:Q4_0",
            "--plain", "--results", results);

        Assert.True(code == 0, $"{code}\n{output}\n{error}");
        Dictionary<string, JsonNode> then = Cells(EarlierResults.First).ToDictionary(c => c.Id, c => c.Line);
        string folder = Directory.GetDirectories(results).Single();
        (string Id, JsonNode Line)[] now = [.. Lines(Path.Combine(folder, "cells.jsonl"))];
        Assert.Equal(9, now.Length);
        Assert.All(now, cell => Assert.Equal(Facts(then[cell.Id], then[cell.Id]), Facts(cell.Line, then[cell.Id])));
    }

    /// <summary>What of a cell doesn't depend on the machine's speed, in the metrics that it had then: more may have come since.</summary>
    private static string Facts(JsonNode line, JsonNode then) => string.Join('\n',
    [
        $"{line["status"]} {line["reason"]}",
        $"{line["cell"]}",
        $"{line["provenance"]?["model_sha256"]} {line["provenance"]?["tokenizer_sha256"]} {line["provenance"]?["dataset_sha256"]}",
        .. (line["metrics"]?.AsArray() ?? []) // a list of measurements
            .Where(m => !OnSomeMachines((string)m!["name"]!) && Has(then, (string)m["name"]!))
            .Select(m => $"{m!["name"]} {m["unit"]} {m["direction"]} {m["protocol"]}"),
    ]);

    private static bool Has(JsonNode line, string metric) => line["metrics"]!.AsArray().Any(m => (string)m!["name"]! == metric);

    // Energy is measured where the machine has a counter.
    private static bool OnSomeMachines(string metric) =>
        metric.Contains("energy", StringComparison.Ordinal) || metric.Contains("power", StringComparison.Ordinal);

    private JsonNode RunFile(string run) => JsonNode.Parse(File.ReadAllText(_earlier.FileOf(run, "run.json")))!; // no null in it

    private IEnumerable<(string Id, JsonNode Line)> Cells(string run) => Lines(_earlier.FileOf(run, "cells.jsonl"));

    private static IEnumerable<(string Id, JsonNode Line)> Lines(string file) =>
        File.ReadLines(file).Select(l => JsonNode.Parse(l)!).Select(n => ((string)n["cell"]!["id"]!, n)); // a cell's line has all of these

    private async Task<string> OutputAsync(params string[] arguments)
    {
        (int code, string output, string error) = await QuantBenchProcess.RunAsync([.. arguments, "--results", _earlier.Directory]);
        Assert.True(code == 0, $"{code}\n{output}\n{error}");
        return output;
    }
}
