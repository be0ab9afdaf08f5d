using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Filters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.NoEmit;
using QuantBench.Core.Cells;
using QuantBench.Core.Engines;
using QuantBench.Core.Runs;
using QuantBench.Core.Suites;
using QuantBench.Microbenchmarks.Columns;
using QuantBench.Microbenchmarks.Kernels;
using QuantBench.Microbenchmarks.Results;
using QuantBench.Results.Folders;
using QuantBench.Results.Reading;
using QuantBench.TestKit;

namespace QuantBench.Microbenchmarks.Tests;

/// <summary>Real benchmarks, each run once: what they measure isn't looked at, that they run and are recorded is.</summary>
public sealed class SmokeTests : IDisposable
{
    private const double MemoryBandwidth = 1e9;

    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Kernels_AreShownAndRecorded_AsTheCellsThatTheCommandMeasures()
    {
        var bandwidth = new MemoryBandwidth(MemoryBandwidth, 1, 1, 1, 1);
        Summary[] summaries;
        using (var exporter = new RunFolderExporter(_folder.Path, bandwidth, TimeProvider.System))
        {
            ManualConfig Kernels() =>
                Config().AddColumn(RateColumn.All(MemoryBandwidth)).AddExporter(exporter).AddFilter(new SupportedKernelFilter());
            summaries =
            [
                .. new[] { typeof(MatVecBenchmarks),
                    typeof(DequantizeBenchmarks) }.Select(t =>
                        BenchmarkRunner.Run(t, Only("Scalar", "Type: Q4_0, Shape: 2048x2048", Kernels()))),
            ];
        }

        Assert.All(summaries, s => Assert.True(Assert.Single(s.Reports).Success));
        RunRecord run = new RunReader(_folder.Path).LoadWhole("latest");
        Assert.Equal((RunStatus.Completed, 2, "kernels"), (run.Info.Status, run.Info.CellCount, run.Info.Suite));
        CellResult matVec = Assert.Single(run.Cells, c => c.Cell.Settings.Text("op") == "matvec");
        Assert.Equal((CellStatus.Ok, "ggml:Q4_0", "managed/scalar"),
            (matVec.Status, matVec.Cell.Variant.Id, matVec.Cell.Backend.ToString()));
        Assert.Contains("BenchmarkDotNet 0.15.8", matVec.Provenance["harness"], StringComparison.Ordinal);

        // The run's suite makes the same cells: the ids are those that `kernels run` would record.
        Suite suite = SuiteLoader.Parse(run.Info.SuiteText, "kernels.yaml", ".", EngineCatalog.None);
        Assert.Equal(Matrix.Expand(suite).Select(c => c.Id.Value).Order(), run.Cells.Select(c => c.Cell.Id.Value).Order());

        // 2048 · 2048 weights of Q4_0 in 18 bytes per 32, and 4096 floats, over the median time.
        double seconds = summaries[0].Reports[0].ResultStatistics!.Median / 1e9;
        Assert.Equal((2_359_296 + 16_384) / seconds, matVec.Metric("kernel_bandwidth")!.Value, 1);
        Assert.Equal(2.0 * 2048 * 2048 / seconds, matVec.Metric("kernel_flops")!.Value, 1);
        Assert.Equal(["GB/s", "GFLOP/s", "% of memory"], RateColumn.All(MemoryBandwidth).Select(c => c.ColumnName));
        Assert.All(RateColumn.All(MemoryBandwidth), c => Assert.NotEqual("-", c.GetValue(summaries[0], summaries[0].BenchmarksCases[0])));
        // decoding has no FLOP/s
        Assert.Equal("-", RateColumn.All(MemoryBandwidth)[1].GetValue(summaries[1], summaries[1].BenchmarksCases[0]));
    }

    [Theory]
    [InlineData(typeof(Files.GgufHeaderBenchmarks), "Vocabulary: 4096")]
    [InlineData(typeof(CellAppendBenchmarks), "Samples: 10")]
    [InlineData(typeof(StoreIndexBenchmarks), "Samples: 10")]
    public void OtherBenchmarks_Run(Type type, string parameters)
    {
        Summary summary = BenchmarkRunner.Run(type, Only("", parameters, Config()));

        Assert.True(Assert.Single(summary.Reports).Success);
    }

    // Without generated code, so that BenchmarkDotNet needs no optimized test assembly.
    private ManualConfig Config() => ManualConfig.CreateEmpty()
        .AddJob(Job.Dry.WithToolchain(InProcessNoEmitToolchain.Instance))
        .WithArtifactsPath(_folder.Combine("artifacts"))
        .WithOptions(ConfigOptions.DisableOptimizationsValidator | ConfigOptions.DisableLogFile);

    private static ManualConfig Only(string method, string parameters, ManualConfig config) => config.AddFilter(new SimpleFilter(c =>
        c.Descriptor.WorkloadMethod.Name.Contains(method, StringComparison.Ordinal)
        && c.Parameters.DisplayInfo == $"[{parameters.Replace(": ", "=", StringComparison.Ordinal)}]"));
}
