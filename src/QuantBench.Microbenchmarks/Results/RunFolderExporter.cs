using System.Collections.Immutable;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Machine;
using QuantBench.Core.Runs;
using QuantBench.Core.Suites;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Engines;
using QuantBench.Inference.Evaluators;
using QuantBench.Inference.Kernels;
using QuantBench.Microbenchmarks.Composition;
using QuantBench.Microbenchmarks.Kernels;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;

namespace QuantBench.Microbenchmarks.Results;

/// <summary>
/// Writes the kernels of a summary as a run: the cells that <c>quantbench kernels run</c> measures too, timed by BenchmarkDotNet instead,
/// so that both stand beside each other in lists, comparisons and reports.
/// </summary>
/// <param name="resultsRoot">Directory of run folders.</param>
/// <param name="bandwidth">The machine's memory bandwidth.</param>
/// <param name="clock">The one clock.</param>
internal sealed class RunFolderExporter(string resultsRoot, MemoryBandwidth bandwidth, TimeProvider clock) : IExporter, IDisposable
{
    private readonly List<(BenchmarkReport Report, KernelCase Kernel)> _kernels = [];
    private RunFolder? _folder;

    /// <inheritdoc/>
    public string Name => "quantbench-run";

    /// <inheritdoc/>
    public void ExportToLog(Summary summary, ILogger logger)
    {
        // Everything is in the run's folder.
    }

    /// <inheritdoc/>
    public IEnumerable<string> ExportToFiles(Summary summary, ILogger consoleLogger)
    {
        ArgumentNullException.ThrowIfNull(summary);
        ArgumentNullException.ThrowIfNull(consoleLogger);
        (BenchmarkReport Report, KernelCase Kernel)[] kernels =
            // filtered
            [.. summary.Reports.Select(r => (r, KernelCase.Of(r.BenchmarkCase))).Where(r => r.Item2 is not null)
                .Select(r => (r.r, r.Item2!))];
        if (kernels.Length == 0) return [];
        try
        {
            // One summary per class of benchmarks: all of them go to one run.
            _kernels.AddRange(kernels);
            RunFolder folder = Write(kernels, clock.GetUtcNow() - summary.TotalTime);
            consoleLogger.WriteLineInfo($"run: {folder.Path}");
            return [Path.Combine(folder.Path, RunFolder.CellsFile)];
        }
        catch (StoreException e)
        {
            consoleLogger.WriteLineError($"error: {e.Message} {e.Hint}");
            return [];
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _folder?.Dispose();

    private RunFolder Write((BenchmarkReport Report, KernelCase Kernel)[] kernels, DateTimeOffset started)
    {
        using IEngine engine = Composition.Engines.Create();
        Suite suite = KernelSuite.Make(Request(engine.Name), Installation.Root);
        ImmutableArray<Cell> cells = Matrix.Expand(suite);
        CellResult[] results =
        [
            .. kernels.Select(k =>
                Result(cells.Single(c => c.Backend.Device == k.Kernel.Device && KernelSpec.Of(c, out _) == k.Kernel.Spec), k.Report,
                    k.Kernel, engine.Build, started)),
        ];
        RunInfo info = (_folder?.Info ?? NewRun(engine, started)) with
        {
            SuiteText = suite.Text,
            SuiteSha256 = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(suite.Text))),
            Finished = clock.GetUtcNow(),
            Status = RunStatus.Completed,
            CellCount = _kernels.Count,
        };
        _folder ??= RunFolder.Create(resultsRoot, info);
        foreach (CellResult result in results) _folder.Append(result);
        _folder.Update(info);
        using ResultStore store =
            ResultStore.Open(resultsRoot, StoreAddress.Parse(Environment.GetEnvironmentVariable(StoreAddress.Variable)));
        store.IndexRun(info, _folder.Path);
        foreach (CellResult result in results) store.IndexCell(info.Id, result);
        return _folder;
    }

    private RunInfo NewRun(IEngine engine, DateTimeOffset started) => new()
    {
        Id = $"{started.UtcDateTime:yyyyMMdd-HHmmss}-{KernelSuite.Name}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(2))}",
        Suite = KernelSuite.Name,
        SuiteText = "",
        SuiteDirectory = Installation.Root,
        SuiteSha256 = "",
        Started = started,
        Status = RunStatus.Running,
        CellCount = 0,
        Fingerprint = FingerprintReader.Read() with
        {
            MemoryBandwidth = bandwidth,
            Engines = ImmutableSortedDictionary<string, string>.Empty.Add(engine.Name, engine.Build),
        },
        Tags = ["benchmarkdotnet"],
    };

    private KernelRequest Request(string engine) => new()
    {
        Types = [.. _kernels.Select(k => GgmlTypes.Get(k.Kernel.Spec.Type).Name).Distinct()],
        Ops = [.. _kernels.Select(k => KernelSpec.NameOf(k.Kernel.Spec.Op)).Distinct()],
        Shapes = [.. _kernels.Select(k => k.Kernel.Spec.Size.ToString()).Distinct()],
        Backends = [.. _kernels.Select(k => new BackendId(engine, k.Kernel.Device).ToString()).Distinct()],
        Tokens = KernelSelection.Current.Tokens,
        Threads = KernelSelection.Current.Threads,
        Hot = false,
        Short = false,
    };

    private CellResult Result(Cell cell, BenchmarkReport report, KernelCase kernel, string build, DateTimeOffset started)
    {
        if (report.ResultStatistics is not { } statistics)
        {
            string[] errors = [.. report.ExecuteResults.SelectMany(r => r.Errors).Where(e => e.Length > 0)];
            return new CellResult
            {
                Cell = cell,
                Status = CellStatus.Failed,
                Failure = FailureKind.Error,
                Reason = errors.Length > 0 ? errors[0] : "BenchmarkDotNet has no result for it; see its log",
                Started = started,
            };
        }

        string version =
            typeof(BenchmarkReport).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0]
                ?? "unknown";
        string harness = $"BenchmarkDotNet {version}, {report.BenchmarkCase.Job.ResolvedId}";
        double[] seconds = [.. report.GetResultRuns().Select(r => r.GetAverageTime().Nanoseconds / 1e9)];
        return new CellResult
        {
            Cell = cell,
            Status = CellStatus.Ok,
            Metrics = [.. KernelEvaluator.Measurements(kernel.Spec, seconds, bandwidth.BestBytesPerSecond, [])],
            Notes = [$"timed by {harness}: its own warm-up and repetitions, outliers as it judges them"],
            Started = started,
            Seconds = report.AllMeasurements.Sum(m => m.Nanoseconds) / 1e9,
            Provenance = ImmutableSortedDictionary<string, string>.Empty
                .Add("engine_build", build)
                .Add("device_used", kernel.Device)
                .Add("harness", harness)
                .Add("threads_used", KernelSelection.Current.UsedThreads.ToString())
                .Add("allocated_bytes_per_run",
                    report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase)?.ToString() ?? "not measured"),
        };
    }
}
