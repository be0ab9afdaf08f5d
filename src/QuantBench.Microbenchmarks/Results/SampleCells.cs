using QuantBench.Core.Cells;
using QuantBench.Core.Machine;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;
using QuantBench.Core.Settings;
using QuantBench.Core.Statistics;
using QuantBench.Core.Variants;
using QuantBench.Core.Workloads;

namespace QuantBench.Microbenchmarks.Results;

/// <summary>A run and cells as a latency sweep leaves them, with invented timings from a fixed seed.</summary>
internal static class SampleCells
{
    /// <summary>The run's id.</summary>
    public const string RunId = "20260101-000000-sample-0000";

    /// <summary>The run.</summary>
    public static RunInfo Run() => new()
    {
        Id = RunId,
        Suite = "sample",
        SuiteText = "",
        SuiteDirectory = ".",
        SuiteSha256 = "",
        Started = DateTimeOffset.UnixEpoch,
        Status = RunStatus.Running,
        CellCount = 1,
        Fingerprint = FingerprintReader.Read(),
    };

    /// <summary>A cell.</summary>
    /// <param name="index">Tells cells apart.</param>
    /// <param name="samples">Raw samples.</param>
    public static CellResult Make(int index, int samples)
    {
        var random = new Random(1);
        double[] values = [.. Enumerable.Range(0, samples).Select(_ => 10 + random.NextDouble())];
        CellSettings settings = CellSettings.Empty.With("prompt", 512).With("generate", 128).With("seed", index);
        return new CellResult
        {
            Cell = new Cell("sample", Variant.Parse("gguf:Q4_0"), new BackendId("engine", "cpu"), WorkloadTable.Latency.Name, settings),
            Status = CellStatus.Ok,
            Metrics = [MeasurementBuilder.FromSamples(MetricTable.TokenLatency.Name, values)],
        };
    }
}
