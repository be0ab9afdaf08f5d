using System.Globalization;
using System.Net;
using QuantBench.Cli.Tests.Faults;
using QuantBench.Core.Cells;
using QuantBench.Core.Variants;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Sources;
using QuantBench.Models.Synthesis;
using QuantBench.Results.Folders;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.EndToEnd;

/// <summary>Rows that aren't whole blocks get wider types than their scheme's name says: whoever reads the figures is told.</summary>
public sealed class MeasuredBitsTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task WiderTypes_AreInRecordTableAndPage()
    {
        string model = _folder.Combine("wide.gguf"), text = _folder.Combine("text.txt"), suite = _folder.Combine("wide.yaml");
        string results = _folder.Combine("results");
        SyntheticShape tiny = SyntheticShapes.All.Single(s => s.Name == "tiny");
        ModelSynthesizer.Write(model, tiny with { Embedding = 320, Heads = 5, KvHeads = 5 }, "Q4_K_M", 1, CancellationToken.None);
        await File.WriteAllTextAsync(text, string.Concat(Enumerable.Range(0, 100).Select(i => $"{i} is the number of the thing. ")));
        await File.WriteAllTextAsync(suite, $$"""
            suite: wide
            models: [{ id: m, source: {{model}} }]
            variants: [gguf:Q4_K_M]
            backends: [managed/scalar]
            settings: { threads: 1 }
            workloads: [{ perplexity: { dataset: {{text}}, n_ctx: 64, chunks: 2 } }]
            """);
        string bits;
        using (GgufReader file = GgufReader.Open(model))
            bits = (SchemeCheck.LayerBits(file) ?? 0).ToString("F3", CultureInfo.InvariantCulture);

        (int code, string said, string error) = await QuantBenchProcess.RunAsync(
            "run", suite, "--plain", "--results", results, "--cache", _folder.Combine("cache"));

        Assert.True(code == 0, error + said);
        string folder = Directory.GetDirectories(results, "*-wide-*").Single();
        using (RunFolder run = RunFolder.OpenReadOnly(folder))
        {
            CellResult cell = Assert.Single(run.ReadCells());
            Assert.Equal(bits, cell.Provenance[CellResult.LayerBits]);
            Assert.Equal(PrecisionClass.Medium, cell.PrecisionClass);
            Assert.Matches("^[0-9]+ of 14 tensors of the layers are .*Q5_0.* instead of Q4_K_M's types", Assert.Single(cell.Notes ?? [],
                n => n.Contains("tensors of the layers", StringComparison.Ordinal)));
        }

        string report = await File.ReadAllTextAsync(Path.Combine(folder, "report.md"));
        Assert.Contains("tensors of the layers are", report, StringComparison.Ordinal);
        Assert.Matches(@"Q4_K_M[^\n]*\| medium \|", report);

        using LiveCommand dashboard = LiveCommand.Start("dashboard", "--port", "0", "--results", results);
        string line = await dashboard.LineAsync(l => l.StartsWith("dashboard:", StringComparison.Ordinal));
        using var client = new HttpClient { BaseAddress = new Uri(line["dashboard:".Length..].Trim()) };
        using (RunFolder run = RunFolder.OpenReadOnly(folder))
        {
            string page = WebUtility.HtmlDecode(await client.GetStringAsync(
                $"/runs/{Path.GetFileName(folder)}?cell={run.ReadCells()[0].Cell.Id}&metric=perplexity"));
            Assert.Contains("tensors of the layers are", page, StringComparison.Ordinal);
            Assert.Contains($"<dt>layer_bits</dt><dd><code>{bits}</code></dd>", page, StringComparison.Ordinal);
        }
    }
}
