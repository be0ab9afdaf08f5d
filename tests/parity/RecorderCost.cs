using System.Diagnostics;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;
using QuantBench.Core.Settings;
using QuantBench.Core.Statistics;
using QuantBench.Core.Variants;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;

namespace QuantBench.Parity;

/// <summary>What recording a cell costs: appended and fsynced to the run's folder, then indexed in the store.</summary>
internal static class RecorderCost
{
    private const int Cells = 2000;
    private const int Part = 500;

    /// <summary>Records trivial cells; the last ones must cost what the first ones do.</summary>
    /// <returns>Number of targets missed.</returns>
    public static int Measure(string scratch)
    {
        string root = Path.Combine(scratch, "recorder");
        var info = new RunInfo
        {
            Id = "20260101-000000-recorder-0000",
            Suite = "recorder",
            SuiteText = "",
            SuiteDirectory = "/",
            SuiteSha256 = "",
            Started = DateTimeOffset.UnixEpoch,
            Status = RunStatus.Running,
            CellCount = Cells,
            Fingerprint = new Fingerprint
            {
                MachineId = "m",
                Host = "h",
                Cpu = "c",
                CpuFlags = [],
                LogicalCores = 1,
                MemoryBytes = 1,
                Os = "o",
                Runtime = "r",
                QuantBench = "q",
            },
        };
        using RunFolder folder = RunFolder.Create(root, info);
        using ResultStore store = ResultStore.Open(root);
        store.IndexRun(info, folder.Path);
        double[] microseconds = new double[Cells];
        for (int i = 0; i < Cells; i++)
        {
            var cell = new Cell("m", Variant.Parse("gguf:Q4_0"), new BackendId("llamacpp", "cpu"), "load",
                CellSettings.Empty.With("repetitions", i + 1L));
            var result = new CellResult { Cell = cell, Status = CellStatus.Ok, Metrics = [Measurement.Of("load_time", i)] };
            long start = Stopwatch.GetTimestamp();
            folder.Append(result);
            store.IndexCell(info.Id, result);
            microseconds[i] = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        }

        double[] medians = [.. Enumerable.Range(0, Cells / Part).Select(k => Descriptive.Median(microseconds.AsSpan(k * Part, Part)))];
        Console.WriteLine(
            $"recording {Cells} cells: median {string.Join(", ", medians.Select(m => $"{m:F0}"))} µs per cell in each {Part} (the last "
                + $"over the first: {medians[^1] / medians[0]:F2}, target ≤ 1.25)");
        return medians[^1] / medians[0] <= 1.25 ? 0 : 1;
    }
}
