using System.Collections.Immutable;
using System.IO.Compression;
using System.Text;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;
using QuantBench.Core.Settings;
using QuantBench.Core.Statistics;
using QuantBench.Core.Variants;
using QuantBench.Results.Folders;

namespace QuantBench.SampleData;

/// <summary>A run of two quants behind a server under two loads, with its requests.</summary>
internal static class ServedRun
{
    public const string Id = "20261001-031000-serve-77aa";
    private static readonly BackendId s_backend = new("remote", "openai@http://127.0.0.1:8080");
    private static readonly DateTimeOffset s_start = new(2026, 10, 1, 3, 10, 0, TimeSpan.Zero);

    public static RunRecord Make()
    {
        CellResult[] cells = [Served("Q8_0", 2, 1.9, 100, null), Served("Q8_0", 8, 6.5, 210, 480), Served("Q4_0", 2, 2, 80, null),
            Served("Q4_0", 8, 7.5, 120, 900)];
        return new RunRecord(
            SampleRun.Info(Id) with
            {
                Suite = "serve",
                Started = s_start,
                Finished = s_start.AddMinutes(4),
                CellCount = cells.Length,
                Status = RunStatus.Completed,
            }, [.. cells]);
    }

    /// <summary>Writes the run, each cell with two launches of ten seconds and two requests a second.</summary>
    public static void Record(string results)
    {
        RunRecord record = Make();
        using RunFolder folder = RunFolder.Create(results, record.Info with { Status = RunStatus.Running });
        foreach (CellResult cell in record.Cells)
        {
            folder.Append(cell);
            Directory.CreateDirectory(folder.FilesPath(cell.Cell.Id));
            for (int launch = 0; launch < 2; launch++)
            {
                using var stream = new GZipStream(
                    File.Create(Path.Combine(folder.FilesPath(cell.Cell.Id), $"requests-{launch}.jsonl.gz")), CompressionLevel.Fastest);
                stream.Write(Encoding.UTF8.GetBytes(Requests(launch)));
            }
        }

        folder.Update(record.Info);
    }

    /// <summary>Twenty requests behind two of the warm-up: one fails in the second launch, which stands still from the fourth to the fifth
    /// second.</summary>
    public static string Requests(int launch)
    {
        var lines = new StringBuilder(launch == 0
            ? """{"arrivals":"poisson","rate":2,"from_us":1000000,"to_us":11000000,"stalls_us":[]}"""
            : """{"arrivals":"poisson","rate":2,"from_us":1000000,"to_us":11000000,"stalls_us":[5000000,6000000],"disturbed_us":[2000000,"""
                + "3500000,20000000,21000000]}").Append('\n');
        for (int i = 0; i < 22; i++)
        {
            long at = i * 500_000;
            lines.Append(launch == 1 && i == 10
                ? $$"""{"i":{{i}},"intended":{{at}},"sent":{{at}},"end":{{at}},"wanted":4,"fault":"cut","parts":[]}"""
                : $$"""{"i":{{i}},"intended":{{at}},"sent":{{at}},"end":{{at + 90_000}},"parts":[{{at + 50_000 + (i * 1000)}}]}""")
                .Append('\n');
        }

        return lines.ToString();
    }

    private static CellResult Served(string scheme, double rate, double goodput, double median, double? tail)
    {
        CellSettings settings = CellSettings.Empty.With("arrivals", "poisson").With("rate", rate).With("search", "off").With("turns", 1L)
            .With("launches", 2L);
        ImmutableArray<Measurement> metrics =
        [
            Measurement.Of("goodput", goodput) with { Ci95 = [goodput * 0.9, goodput * 1.1] },
            Measurement.Of("requests_per_second", rate * 0.98),
            MeasurementBuilder.FromSamples("serve_ttft", [median * 0.9, median, median * 1.1], []),
        ];
        if (tail is { } p99) metrics = metrics.Add(Measurement.Of("serve_ttft_tail", p99));
        return new CellResult
        {
            Cell = new Cell("reference", Variant.Parse("gguf:" + scheme), s_backend, "serve", settings),
            Status = CellStatus.Ok,
            Metrics = metrics,
            Started = s_start,
        };
    }
}
