using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;
using QuantBench.Core.Settings;
using QuantBench.Core.Statistics;
using QuantBench.Core.Variants;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;

namespace QuantBench.Scale;

/// <summary>Makes run folders of invented figures with a fixed seed, and their store.</summary>
internal static class Generator
{
    private const int Variants = 25;
    private const int Workloads = 4;

    /// <summary>Makes the runs unless they are there.</summary>
    /// <param name="root">Results root.</param>
    /// <param name="runs">Number of runs.</param>
    /// <param name="cells">Cells of each, a multiple of 100.</param>
    /// <param name="samples">Samples of a cell, on average.</param>
    /// <param name="recent">The runs were made in the weeks before today instead of once a day from a fixed day on.</param>
    /// <param name="prefix">How their ids begin.</param>
    public static void Make(string root, int runs, int cells, int samples = 30, bool recent = false, string prefix = "run")
    {
        if (File.Exists(Path.Combine(root, ResultStore.FileName))) return;
        var random = new Random(1);
        QuantScheme[] schemes = [.. QuantSchemes.All.Where(s => s.Format == "gguf").Take(Variants)];
        for (int r = 0; r < runs; r++)
        {
            RunInfo info = Info(r, cells, prefix);
            if (recent) info = info with { Started = new DateTimeOffset(DateTime.UtcNow.Date, TimeSpan.Zero).AddHours(-2 * (runs - r)) };
            using (RunFolder folder = RunFolder.Create(root, info))
            {
                // The folder's own writer syncs each line to the disk, which measures nothing here.
            }

            using var writer = new StreamWriter(Path.Combine(root, info.Id, RunFolder.CellsFile));
            for (int model = 0; model < cells / (Variants * Workloads); model++)
            {
                foreach (QuantScheme scheme in schemes)
                {
                    foreach (CellResult cell in Cells($"model-{model.ToString("000", CultureInfo.InvariantCulture)}",
                        Variant.Parse($"gguf:{scheme.Name}{(scheme.NeedsImportanceMatrix ? "+imatrix" : "")}"), r, random, samples,
                        info.Started))
                        writer.WriteLine(JsonSerializer.Serialize(cell, Json.Line));
                }
            }
        }

        using ResultStore store = ResultStore.Open(root);
        ReindexReport report = store.Reindex();
        Console.WriteLine($"made {report.Runs} runs with {report.Cells} cells in {root}");
    }

    /// <summary>Puts the runs into another database unless they are there.</summary>
    /// <param name="root">Results root.</param>
    /// <param name="address">Address of the database.</param>
    public static void Fill(string root, string address)
    {
        using ResultStore store = ResultStore.Open(root, StoreAddress.Parse(address));
        using (AggregateReader reader = store.OpenReader())
        {
            if (!reader.Runs().IsEmpty) return;
        }

        long start = Stopwatch.GetTimestamp();
        ReindexReport report = store.Reindex();
        Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture,
                $"{report.Runs} runs with {report.Cells} cells are in the {store.Location} after "
                    + $"{Stopwatch.GetElapsedTime(start).TotalSeconds:F0} s"));
    }

    private static IEnumerable<CellResult> Cells(string model, Variant variant, int run, Random random, int samples, DateTimeOffset started)
    {
        double bits = variant.Scheme.NominalBits + 0.5;
        // From the fortieth run on, one model's generation is 8 % slower: what the trend has to find.
        double speed = 2000 / bits * (model == "model-003" && run >= 40 ? 0.92 : 1);
        CellSettings quality = CellSettings.Empty.With("n_ctx", 512L).With("dataset", "sotu");
        double kl = Math.Pow(2, -bits) * (1 + random.NextDouble());
        yield return Ok("perplexity", quality,
            Measurement.Of("perplexity", 10 * (1 + kl), 0.2, 16320) with { Protocol = "p", Samples = Draw(10 * (1 + kl), 0.2) });
        yield return Ok("divergence", quality.With("reference", "gguf:F32"),
            Measurement.Of("kl_mean", kl, kl * 0.01, 16320) with { Protocol = "p" },
            Measurement.Of("ppl_ratio", 1 + kl, kl * 0.02, 16320) with { Protocol = "p" });
        yield return Ok(
            "latency", CellSettings.Empty.With("prompt", 512L).With("generate", 128L), Timed("pp_tps", Draw(speed * 8, 0.02)),
            Timed("tg_tps", Draw(speed, 0.02)), Measurement.Of("rss_peak", (bits * 1e8) + 1e8));
        yield return Ok("load", CellSettings.Empty, Timed("load_time", Draw(bits * 20, 0.03)), Measurement.Of("artifact_size", bits * 1e8),
            Measurement.Of("bits_per_weight", bits));

        CellResult Ok(string workload, CellSettings settings, params Measurement[] metrics) => new()
        {
            Cell = new Cell(model, variant, new BackendId("llamacpp", "cpu"), workload, settings),
            Status = CellStatus.Ok,
            Metrics = [.. metrics],
            Started = started,
            Seconds = 1,
        };

        double[] Draw(double centre, double deviation) =>
            [.. Enumerable.Range(0, samples)
                .Select(_ =>
                    centre * (1
                        + (deviation * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()))))];
    }

    // The bootstrap would take longer than everything else; its interval is near this one.
    private static Measurement Timed(string metric, double[] samples)
    {
        double median = Descriptive.Median(samples);
        double deviation = Descriptive.StandardDeviation(samples);
        double half = 1.96 * 1.2533 * deviation / Math.Sqrt(samples.Length);
        return Measurement.Of(metric, median, n: samples.Length) with
        {
            Mean = Descriptive.Mean(samples),
            StandardDeviation = deviation,
            Median = median,
            Ci95 = [median - half, median + half],
            Samples = samples,
        };
    }

    private static RunInfo Info(int number, int cells, string prefix) => new()
    {
        Id = $"{prefix}-{number.ToString("000", CultureInfo.InvariantCulture)}",
        Suite = "scale",
        SuiteText = "suite: scale\n",
        SuiteDirectory = "/",
        SuiteSha256 = "",
        Started = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero).AddDays(number),
        Status = RunStatus.Completed,
        CellCount = cells,
        Fingerprint = new Fingerprint
        {
            MachineId = "machine",
            Host = "bench-01",
            Cpu = "none",
            CpuFlags = [],
            LogicalCores = 1,
            MemoryBytes = 1,
            Os = "none",
            Runtime = "none",
            QuantBench = "0",
            GitCommit = $"{number.ToString("0000000", CultureInfo.InvariantCulture)}",
        },
    };
}
