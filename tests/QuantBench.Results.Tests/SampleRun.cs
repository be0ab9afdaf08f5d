using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;
using QuantBench.Core.Settings;
using QuantBench.Core.Statistics;
using QuantBench.Core.Variants;
using QuantBench.Results.Folders;

namespace QuantBench.SampleData;

/// <summary>A run as the reference suite gives it, from fixed figures and a fixed seed: quality as llama-perplexity prints it for the
/// reference model, timings invented.</summary>
internal static class SampleRun
{
    public const string Protocol = "ppl-v1/n_ctx=512/text=0123abcd/tokenizer=4567ef01";
    private const int Chunks = 64;

    public static readonly ImmutableArray<VariantFigures> Figures =
    [
        new("F32", 38.0192, 0.84405, 23220416, 32.0, null, null, null, null, 180),
        new("F16", 38.0192, 0.84405, 11686112, 16.01, 1e-7, 0.99963, 0.0, 6e-06, 240),
        new("Q8_0", 38.0088, 0.84358, 6279392, 8.51, 0.000229, 0.98879, -0.000272, 0.000177, 330),
        new("Q6_K", 38.1101, 0.84614, 4882656, 6.58, 0.001438, 0.97371, 0.002389, 0.000448, 300),
        new("Q5_K_M", 38.0695, 0.84506, 4316896, 5.79, 0.002926, 0.96287, 0.001321, 0.000629, 340),
        new("Q4_K_M", 38.6398, 0.85744, 3784416, 5.05, 0.01009, 0.93248, 0.016192, 0.001182, 390),
        new("Q4_0", 38.8623, 0.86012, 3666144, 4.89, 0.015723, 0.91562, 0.021933, 0.001464, 410),
        new("Q3_K_M", 39.1581, 0.86972, 3282656, 4.36, 0.026605, 0.89393, 0.029517, 0.001918, 350),
        new("Q2_K", 44.1482, 0.97693, 2739936, 3.61, 0.11672, 0.78732, 0.149462, 0.004125, 360),
        new("TQ2_0", 447.7797, 9.18427, 2228448, 2.9, 2.516307, 0.18738, 2.46621, 0.018611, 460),
    ];

    private static readonly BackendId s_backend = new("llamacpp", "cpu");
    private static readonly DateTimeOffset s_start = new(2026, 11, 22, 22, 10, 0, TimeSpan.Zero);

    public static RunInfo Info(string id = "20261122-221000-reference-9f3a", double minutesLater = 0) => new()
    {
        Id = id,
        Suite = "reference",
        SuiteText = "name: reference\nvariants: [F32, Q4_K_M]\n",
        SuiteDirectory = "suites",
        SuiteSha256 = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
        Started = s_start.AddMinutes(minutesLater),
        Finished = s_start.AddMinutes(minutesLater + 4),
        Status = RunStatus.Completed,
        CellCount = Figures.Length * 4 + 1,
        Fingerprint = Fingerprint(),
        Tags = ["sample", "<b>tag</b> & more"],
    };

    public static Fingerprint Fingerprint() => new()
    {
        MachineId = "4a5b6c7d8e9f0a1b",
        Host = "bench-01",
        Cpu = "Example CPU <3.0 GHz> & co",
        CpuFlags = ["avx2", "fma"],
        LogicalCores = 2,
        PhysicalCores = 1,
        Governor = "performance",
        MemoryBytes = 24L << 30,
        Os = "Debian GNU/Linux 12",
        Kernel = "6.1.0",
        Runtime = ".NET 10.0.0",
        QuantBench = "0.1.0",
        GitCommit = "0123456789abcdef0123456789abcdef01234567",
        Engines = ImmutableSortedDictionary<string, string>.Empty.Add("llamacpp", "llama.cpp v0.5.0"),
        Datasets = ImmutableSortedDictionary<string, string>.Empty.Add("sotu", new string('a', 64)),
        Models = ImmutableSortedDictionary<string, string>.Empty.Add("reference", new string('b', 64)),
    };

    /// <summary>The run; <paramref name="speed"/> scales every timing, <paramref name="seed"/> their noise.</summary>
    public static RunRecord Make(string id = "20261122-221000-reference-9f3a", double speed = 1, int seed = 7)
    {
        var random = new Random(seed);
        var cells = ImmutableArray.CreateBuilder<CellResult>();
        foreach (VariantFigures figures in Figures)
        {
            cells.Add(Perplexity(figures));
            cells.Add(Divergence(figures));
            cells.Add(Latency(figures, speed, random));
            cells.Add(Load(figures, speed, random));
        }

        cells.Add(new CellResult
        {
            Cell = new Cell("reference", Variant.Parse("IQ1_S"), s_backend, "perplexity", QualitySettings()),
            Status = CellStatus.Failed,
            Failure = FailureKind.Preparation,
            Reason = "the quantizer needs an importance matrix for <IQ1_S> & none is configured",
            Started = s_start,
        });
        return new RunRecord(Info(id), cells.ToImmutable());
    }

    public static CellSettings QualitySettings() => CellSettings.Empty.With("n_ctx", 512L).With("dataset", "sotu").With("chunks", 64L);

    public static CellResult Perplexity(VariantFigures figures)
    {
        // The same chunks are hard for every variant: what makes a paired difference far tighter than the two errors.
        var random = new Random(3);
        double[] deviations = [.. Enumerable.Range(0, Chunks).Select(_ => (random.NextDouble() - 0.5) * 0.6)];
        double mean = deviations.Average();
        double[] samples = [.. deviations.Select(d => figures.Perplexity * Math.Exp(d - mean))];
        return Ok(figures, "perplexity", QualitySettings(),
            [Measurement.Of("perplexity", figures.Perplexity, figures.Error, 16320) with { Samples = samples, Protocol = Protocol }]);
    }

    private static CellResult Divergence(VariantFigures figures)
    {
        CellSettings settings = QualitySettings().With("reference", "gguf:F32");
        if (figures.KlMean is not { } kl)
        {
            return new CellResult
            {
                Cell = new Cell("reference", Variant.Parse(figures.Scheme), s_backend, "divergence", settings),
                Status = CellStatus.Unsupported,
                Reason = "the variant is the reference itself",
                Started = s_start,
            };
        }

        double ratio = Math.Exp(figures.LnRatio!.Value);
        return Ok(figures, "divergence", settings,
        [
            Measurement.Of("kl_mean", kl, kl * 0.01, 16320) with { Protocol = Protocol },
            Measurement.Of("kl_p99", kl * 6) with { Protocol = Protocol },
            Measurement.Of("same_top", figures.SameTop!.Value, 0.002, 16320) with { Protocol = Protocol },
            Measurement.Of("ln_ppl_ratio", figures.LnRatio.Value, figures.LnRatioError, 16320) with { Protocol = Protocol },
            Measurement.Of("ppl_ratio", ratio, ratio * figures.LnRatioError!.Value, 16320) with { Protocol = Protocol },
        ]);
    }

    private static CellResult Latency(VariantFigures figures, double speed, Random random)
    {
        double tps = figures.Tps * speed;
        return Ok(figures, "latency", CellSettings.Empty.With("prompt", 512L).With("generate", 128L).With("depth", 0L),
        [
            Launched("pp_tps", Noisy(tps * 12, 10)),
            Launched("tg_tps", Noisy(tps, 10)),
            Launched("ttft", Noisy(512e3 / (tps * 12), 10)),
            Launched("token_latency", Noisy(1e3 / tps, 1280)),
        ]) with
        { Conditions = ImmutableSortedDictionary<string, double>.Empty.Add("load", 0.1) };

        double[] Noisy(double centre, int count) =>
            [.. Enumerable.Range(0, count).Select(_ => centre * (1 + ((random.NextDouble() - 0.5) * 0.02)))];
    }

    // Three launches, a third of the samples each.
    private static Measurement Launched(string metric, double[] samples) =>
        MeasurementBuilder.Merge([.. samples.Chunk((samples.Length + 2) / 3).Select(part => MeasurementBuilder.FromSamples(metric, part))]);

    private static CellResult Load(VariantFigures figures, double speed, Random random) => Ok(figures, "load", CellSettings.Empty,
    [
        Launched("load_time", [.. Enumerable.Range(0, 10).Select(_ => (20 + random.NextDouble()) / speed)]),
        Measurement.Of("artifact_size", figures.SizeBytes),
        Measurement.Of("bits_per_weight", figures.BitsPerWeight),
        Measurement.Of("weights_size", figures.SizeBytes - 500_000),
        Measurement.Of("kv_cache_size", 4 << 20),
        Measurement.Of("rss_peak", figures.SizeBytes + (40L << 20)),
    ]);

    private static CellResult Ok(VariantFigures figures, string workload, CellSettings settings, ImmutableArray<Measurement> metrics) =>
        new()
        {
            Cell = new Cell("reference", Variant.Parse(figures.Scheme), s_backend, workload, settings),
            Status = CellStatus.Ok,
            Metrics = metrics,
            Started = s_start,
            Seconds = 2.5,
            Provenance = ImmutableSortedDictionary<string, string>.Empty.Add("artifact_sha256", Convert.ToHexStringLower(
            System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(figures.Scheme)))),
        };
}

/// <summary>Figures of one variant.</summary>
internal sealed record VariantFigures(
    string Scheme, double Perplexity, double Error, long SizeBytes, double BitsPerWeight, double? KlMean, double? SameTop, double? LnRatio,
    double? LnRatioError, double Tps);
