using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Tables;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;
using QuantBench.Core.Statistics;
using QuantBench.Core.Variants;
using QuantBench.Results.Folders;
using QuantBench.SampleData;

namespace QuantBench.Analysis.Tests.Tables;

/// <summary>Kernels in tables.</summary>
public sealed class KernelTableTests
{
    [Fact]
    public void Build_GivesAColumnPerOperation_InBillions()
    {
        var run = new RunRecord(SampleRun.Info(),
            [Cell("Q4_0", "matvec", 20e9, 0.25, 70e9), Cell("Q4_0", "dequantize", 50e9, 0.625, null),
                Cell("Q6_K", "matvec", 30e9, 0.375, 71e9)]);

        RunTable table = RunTableBuilder.Build(run);

        Assert.Equal(
            ["kernel_bandwidth/matvec", "kernel_bandwidth/dequantize", "kernel_bandwidth_share/matvec", "kernel_bandwidth_share/dequantize",
                "kernel_flops/matvec"],
            table.Columns.Select(c => c.Id));
        RunRow row = table.Rows.Single(r => r.Variant.ShortName == "Q4_0");
        Assert.Equal("20.0", row.Figures["kernel_bandwidth/matvec"].Text);
        Assert.Equal("25.0\u00a0%", row.Figures["kernel_bandwidth_share/matvec"].Text);
        Assert.Equal("70.0", row.Figures["kernel_flops/matvec"].Text);
        Assert.Equal(Format.Missing, table.Rows.Single(r => r.Variant.ShortName == "Q6_K").Figures["kernel_bandwidth/dequantize"].Text);
    }

    [Theory]
    [InlineData("kernel_bandwidth", 63.3e9, "63.3\u00a0GB/s")]
    [InlineData("kernel_flops", 1.5e12, "1\u2009500\u00a0GFLOP/s")]
    public void Value_IsInBillions(string metric, double value, string expected) =>
        Assert.Equal(expected, Format.Value(value, MetricTable.Get(metric)));

    [Fact]
    public void Build_MarksQualityOfRandomWeights_AndDerivesNothingFromIt()
    {
        RunRecord sample = SampleRun.Make();
        RunRecord random = sample with { Cells = [.. sample.Cells.Select(c => c with { Notes = [CellResult.MeaninglessQuality] })] };

        RunTable table = RunTableBuilder.Build(random);

        RunRow row = table.Rows.Single(r => r.Variant.ShortName == "Q4_K_M");
        Assert.Equal("38.64 ± 0.86 (meaningless)", row.Figures["perplexity"].Text);
        Assert.Null(row["perplexity"]);
        Assert.DoesNotContain(table.Columns, c => c.Id == "ppl_change");
        Assert.NotNull(row["tg_tps/128"]); // its speed is real
    }

    [Fact]
    public void Build_MarksAPerplexityWorseThanChance_AndKeepsItsNumber()
    {
        RunRecord sample = SampleRun.Make();
        RunRecord broken = sample with
        {
            Cells = [.. sample.Cells.Select(c => c with
            {
                Metrics = [.. c.Metrics.Select(m => m.Name == "perplexity" ? m with { Notes = [$"{Measurement.WorseThanChance}: x"] } : m)],
            })],
        };

        RunRow row = RunTableBuilder.Build(broken).Rows.Single(r => r.Variant.ShortName == "Q4_K_M");

        Assert.Equal("38.64 ± 0.86 (worse than chance)", row.Figures["perplexity"].Text);
        Assert.Equal(38.6398, row["perplexity"]);
    }

    private static CellResult Cell(string type, string op, double bandwidth, double share, double? flops)
    {
        CellSettings settings = CellSettings.Empty.With("op", op).With("shape", "2048x2048").With("cache", "cold");
        var metrics = new List<Measurement> { MeasurementBuilder.FromSamples("kernel_bandwidth", [bandwidth, bandwidth, bandwidth]),
            MeasurementBuilder.FromSamples("kernel_bandwidth_share", [share, share, share]) };
        if (flops is { } speed) metrics.Add(MeasurementBuilder.FromSamples("kernel_flops", [speed, speed, speed]));
        return new CellResult
        {
            Cell = new Cell("kernels", Variant.Parse($"ggml:{type}"), new BackendId("managed", "avx2"), "kernel", settings),
            Status = CellStatus.Ok,
            Metrics = [.. metrics],
        };
    }
}
