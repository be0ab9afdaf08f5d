using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;
using QuantBench.Results.Folders;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.EndToEnd;

/// <summary>
/// What rounding the KV cache does, beside llama-perplexity's figures: <c>llama-perplexity -m F32.gguf -f sotu.txt -c 512 --chunks 32 -t 2
/// --kl-divergence --kl-divergence-base BASE -ctk K -ctv V</c> of v0.5.0, whose base was made with the usual F16 cache.
/// </summary>
public sealed class KvCacheTests : IDisposable
{
    private static readonly (string Keys, string Values, double Kl)[] s_expected =
    [
        ("q8_0", "q8_0", 0.000034), ("q5_1", "q5_1", 0.001124), ("q4_0", "q4_0", 0.006130), ("q4_0", "f16", 0.004751),
        ("f16", "q4_0", 0.001312),
    ];

    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [NpmFact(NpmPackage.LlamaCpp, NpmPackage.Texts)]
    public async Task Divergence_ShowsTheCachesDamage_AsLlamaPerplexityDoes()
    {
        string suite = _folder.Combine("kv.yaml");
        await File.WriteAllTextAsync(suite, $$"""
            suite: kv
            models: [{ id: reference, source: {{RepositoryRoot.Combine("datasets", "reference-model")}} }]
            variants: ["gguf:F32"]
            backends: [llamacpp/cpu]
            settings: { n_ctx: 512, chunks: 32 }
            workloads:
              - divergence: { dataset: sotu, reference: gguf:F32, kv_type: [f16, q8_0, q5_1, q4_0] }
              - divergence: { dataset: sotu, reference: gguf:F32, kv_type_k: q4_0 }
              - divergence: { dataset: sotu, reference: gguf:F32, kv_type_v: q4_0 }
            """);

        (int code, string output, string error) =
            await QuantBenchProcess.RunAsync("run", suite, "--results", _folder.Combine("results"), "--plain");

        Assert.True(code == 0, error + output);
        string folder =
            Path.GetDirectoryName(Directory.GetFiles(_folder.Combine("results"), "cells.jsonl", SearchOption.AllDirectories).Single())!;
        using RunFolder run = RunFolder.OpenReadOnly(folder);
        IReadOnlyList<CellResult> cells = run.ReadCells();
        Assert.Equal(6, cells.Count);
        Measurement same = Kl("f16", "f16");
        Assert.InRange(same.Value, -1e-7, 1e-7); // the reference itself
        Assert.Equal(Measurement.NotToldFromNoise, same.Caveat);
        Assert.All(s_expected, e =>
        {
            Measurement found = Kl(e.Keys, e.Values);
            // Its six digits are half a digit off, and its base is rounded to 16 bits.
            Assert.InRange(found.Value, e.Kl * 0.95 - 1.5e-6, e.Kl * 1.05 + 1.5e-6);
            Assert.Contains(";reference_kv=f16", found.Protocol, StringComparison.Ordinal);
        });
        Assert.Equal(cells.Select(c => c.Cell.Id).Distinct().Count(), cells.Count);

        Measurement Kl(string keys, string values) => cells.Single(c =>
            KvTypes.OfKeys(c.Cell.Settings) == keys && KvTypes.OfValues(c.Cell.Settings) == values).Metric("kl_mean")!;
    }
}
