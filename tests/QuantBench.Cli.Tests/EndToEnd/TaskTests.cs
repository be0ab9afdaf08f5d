using System.IO.Compression;
using System.Numerics;
using System.Text.Json;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Results.Folders;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.EndToEnd;

/// <summary>Tasks by the real command: a set of ours and a user's file of choices, against a reference; every figure counted again from
/// the items that the run leaves.</summary>
public sealed class TaskTests : IDisposable
{
    private const int Items = 60;

    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [NpmFact(NpmPackage.LlamaCpp)]
    public async Task Suite_MeasuresAnswersAndChoices_AndWhatTheVariantFlips()
    {
        await File.WriteAllLinesAsync(_folder.Combine("choices.jsonl"), Enumerable.Range(0, Items).Select(i => JsonSerializer.Serialize(new
        {
            prompt = $"Number {i} of the",
            choices = (string[])[" United States", " Congress", " people", $" year {i}"],
            gold = i % 4,
        })));
        string suite = _folder.Combine("tasks.yaml");
        await File.WriteAllTextAsync(suite, $$"""
            suite: tasks
            models: [{ id: reference, source: {{RepositoryRoot.Combine("datasets", "reference-model")}} }]
            variants: ["gguf:F16", "gguf:Q4_0"]
            backends: [llamacpp/cpu]
            workloads:
              - task: { set: copy, items: 8, answer_tokens: 4, reference: gguf:F16 }
              - task: { set: choices.jsonl, items: 0, reference: gguf:F16 }
            """);

        (int code, string output, string error) = await QuantBenchProcess.RunAsync("run", suite, "--plain",
            "--results", _folder.Combine("results"));

        Assert.True(code == 0, error + output);
        string folder =
            Path.GetDirectoryName(Directory.GetFiles(_folder.Combine("results"), "cells.jsonl", SearchOption.AllDirectories).Single())!;
        using RunFolder run = RunFolder.OpenReadOnly(folder);
        IReadOnlyList<CellResult> cells = run.ReadCells();
        Assert.Equal(4, cells.Count);
        Assert.All(cells, c => CountAgain(c, Lines(folder, c)));
        Assert.All(cells.Where(c => c.Cell.Variant.Id == "gguf:F16"), c =>
            Assert.Equal((0, 1), (c.Metric("task_flips")!.Value, c.Metric("task_same_answer")!.Value))); // the reference itself
        // Nothing of this is worth much if nothing ever flips.
        Assert.Contains(cells, c => c.Cell.Variant.Id == "gguf:Q4_0" && c.Metric("task_same_answer")!.Value < 1);
    }

    private static void CountAgain(CellResult cell, JsonElement[] items)
    {
        (bool Now, bool Then)[] pairs =
            [.. items.Select(i => (i.GetProperty("right").GetBoolean(), i.GetProperty("reference_right").GetBoolean()))];
        int lost = pairs.Count(p => p.Then && !p.Now);
        int gained = pairs.Count(p => p.Now && !p.Then);
        double n = pairs.Length;

        Assert.Equal(cell.Metric("task_accuracy")!.N, items.Length);
        Assert.Equal(pairs.Count(p => p.Now) / n, cell.Metric("task_accuracy")!.Value, 1e-12);
        Assert.Equal(lost / n, cell.Metric("task_lost")!.Value, 1e-12);
        Assert.Equal(gained / n, cell.Metric("task_gained")!.Value, 1e-12);
        Assert.Equal((lost + gained) / n, cell.Metric("task_flips")!.Value, 1e-12);
        Assert.Equal(McNemar(lost, gained), cell.Metric("task_flip_p")!.Value, 1e-9);
        int then = pairs.Count(p => p.Then);
        Measurement? recovery = cell.Metric("task_recovery");
        if (then == 0) Assert.Null(recovery);
        else Assert.Equal(pairs.Count(p => p.Now) / (double)then, recovery!.Value, 1e-12);
        Assert.Equal(items.Count(i => i.GetProperty("answer").GetString() == i.GetProperty("reference_answer").GetString()) / n,
            cell.Metric("task_same_answer")!.Value, 1e-12);
    }

    /// <summary>Twice the share, among all ways that so many flips can fall, of those at least as uneven; in whole numbers.</summary>
    private static double McNemar(int lost, int gained)
    {
        int flips = lost + gained;
        BigInteger ways = 0;
        BigInteger one = 1;
        for (int k = 0; k <= Math.Min(lost, gained); k++)
        {
            ways += one;
            one = one * (flips - k) / (k + 1);
        }

        return Math.Min(1, 2 * (double)ways / (double)BigInteger.Pow(2, flips));
    }

    private static JsonElement[] Lines(string folder, CellResult cell)
    {
        string path = Directory.GetFiles(folder, cell.Provenance["items_file"], SearchOption.AllDirectories)
            .Single(f => f.Contains(cell.Cell.Id.Value, StringComparison.Ordinal));
        using var text = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        return [.. text.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement)];
    }
}
