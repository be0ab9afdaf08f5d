using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Results.Folders;
using QuantBench.SampleData;
using QuantBench.TestKit;

namespace QuantBench.Analysis.Tests.Decide;

/// <summary>Runs from tables of figures: a line per variant and backend, each figure with its error or interval.</summary>
internal static class DecisionTable
{
    private const string Protocol = "kl-v1;n_ctx=512;text=1;tokenizer=2";
    private const double LaunchSpread = 2.484; // half of Student's interval of three launches, in steps between them

    /// <summary>Reads a table of <c>Decide/Tables</c>.</summary>
    /// <param name="name">Its name without suffix.</param>
    /// <param name="change">What becomes of each figure: its name, value and error or half-width; null = as it stands.</param>
    public static RunRecord Read(string name, Func<string, double, double, (double Value, double? Error)>? change = null)
    {
        change ??= (_, value, error) => (value, error);
        string file = RepositoryRoot.Combine("tests", "QuantBench.Analysis.Tests", "Decide", "Tables", $"{name}.csv");
        var cells = ImmutableArray.CreateBuilder<CellResult>();
        foreach (string[] field in File.ReadLines(file).Skip(2).Select(l => l.Split(','))) Add(cells, field, change);
        return new RunRecord(SampleRun.Info(name) with { CellCount = cells.Count }, cells.ToImmutable());
    }

    private static void Add(ImmutableArray<CellResult>.Builder cells, string[] field,
        Func<string, double, double, (double Value, double? Error)> change)
    {
        (string model, Variant variant, BackendId backend) = (field[0], Variant.Parse(field[1]), Backend(field[2]));
        CellSettings text = CellSettings.Empty.With("n_ctx", 512L).With("dataset", "sotu");
        Cell Of(string workload, CellSettings settings) => new(model, variant, backend, workload, settings);
        var scored = ImmutableArray.CreateBuilder<Measurement>();
        Quality("perplexity", 3);
        cells.Add(Ok(Of("perplexity", text), scored.ToImmutable()));
        if (field[5].Length > 0)
        {
            Quality("ppl_ratio", 5);
            Quality("kl_mean", 7);
            Quality("same_top", 9);
            string reference = model.StartsWith("chat", StringComparison.Ordinal) ? "gguf:F16" : "gguf:F32";
            cells.Add(Ok(Of("divergence", text.With("reference", reference)), scored.ToImmutable()));
        }

        if (field[14].Length == 0) return;
        cells.Add(Ok(Of("latency", CellSettings.Empty.With("prompt", 512L).With("generate", 128L)),
        [
            Timing("pp_tps", 11), Timing("tg_tps", 14), Timing("ttft", 17), Measurement.Of("artifact_size", Number(20)),
            Measurement.Of("bits_per_weight", Number(21)), Measurement.Of("rss_peak", Number(22)),
        ]));

        double Number(int at) => double.Parse(field[at].TrimStart('!'), CultureInfo.InvariantCulture);

        void Quality(string metric, int at)
        {
            (double value, double? error) = change(metric, Number(at), Number(at + 1));
            scored.Add(Measurement.Of(metric, value, error, 16320) with { Protocol = Protocol });
        }

        Measurement Timing(string metric, int at)
        {
            (double value, double? half) = change(metric, Number(at), (Number(at + 2) - Number(at + 1)) / 2);
            bool disturbed = field[at][0] == '!';
            double step = (half ?? 0) / LaunchSpread;
            return Measurement.Of(metric, value, n: half is null ? 1 : 30) with
            {
                Ci95 = half is { } h ? [value - h, value + h] : null,
                Timing = new TimingFacts
                {
                    Mark = disturbed ? FigureMark.Disturbed : half is null ? FigureMark.About : null,
                    LaunchValues = half is null ? [value] : [value - step, value, value + step],
                    LaunchSamples = half is null ? [1] : [10, 10, 10],
                },
            };
        }
    }

    private static BackendId Backend(string text) =>
        BackendId.TryParse(text, out BackendId id) ? id : throw new FormatException($"'{text}' is no backend.");

    private static CellResult Ok(Cell cell, ImmutableArray<Measurement> metrics) => new()
    {
        Cell = cell,
        Status = CellStatus.Ok,
        Metrics = metrics,
        Started = new DateTimeOffset(2026, 11, 22, 22, 10, 0, TimeSpan.Zero),
        Seconds = 1,
    };
}
