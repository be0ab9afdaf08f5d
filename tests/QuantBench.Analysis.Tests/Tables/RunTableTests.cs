using QuantBench.Analysis.Reports;
using QuantBench.Analysis.Tables;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using QuantBench.Core.Variants;
using QuantBench.Results.Folders;
using QuantBench.SampleData;

namespace QuantBench.Analysis.Tests.Tables;

public sealed class RunTableTests
{
    private readonly RunRecord _sample = SampleRun.Make();

    [Fact]
    public void Table_MarksFigures_AndSaysWhatMarksMean()
    {
        RunRecord run = SampleRun.Make("run-a");
        int latency = 0;
        run = run with
        {
            Cells = [.. run.Cells.Select(c => c.Cell.Workload != "latency" ? c : c with
            {
                Metrics = [.. c.Metrics.Select(m => m.Name != "tg_tps" ? m
                    : latency++ == 0 ? MeasurementBuilder.AsDisturbed(m, "a build") : MeasurementBuilder.FromSamples("tg_tps", [100]))],
                Conditions = c.Conditions.Add("repetitions_made", 10).Add("repetitions_disturbed", 4),
            })],
        };

        RunTable table = RunTableBuilder.Build(run);
        string text = MarkdownTable.Write(table);

        RunFigure marked = table.Rows.SelectMany(r => r.Figures).First(f => f.Key.StartsWith("tg_tps", StringComparison.Ordinal)
            && f.Value.Source is { IsDisturbed: true }).Value;
        Assert.EndsWith("\u00a0‡", marked.Text, StringComparison.Ordinal);
        Assert.Null(marked.Value); // nothing is ranked or drawn by it
        Assert.Contains("≈\u00a0100", text, StringComparison.Ordinal);
        Assert.Contains("‡ disturbed:", text, StringComparison.Ordinal);
        Assert.Contains("≈ about:", text, StringComparison.Ordinal);
        string html = HtmlReport.Write([RunReport.Of(run)], []);
        Assert.Contains("‡ disturbed:", html, StringComparison.Ordinal);
        Assert.Matches("1 of [0-9]+ timed cells was disturbed by other work on the machine, and 40 % of all repetitions",
            RunReport.Of(run).Lead);
    }

    [Theory]
    [InlineData("Q4_K_M", "6.420", PrecisionClass.Medium)]
    [InlineData("Q4_K_M", "4.900", PrecisionClass.Low)]
    [InlineData("Q4_K_M", null, PrecisionClass.Low)]
    [InlineData("Q4_K_M", "many", PrecisionClass.Low)]
    [InlineData("Q4_K_M", "1e999", PrecisionClass.Low)]
    [InlineData("Q2_K", "3.400", PrecisionClass.UltraLow)]
    [InlineData("Q2_K", "4.500", PrecisionClass.Low)]
    [InlineData("Q8_0", "4.500", PrecisionClass.Medium)] // never below its name's
    public void Class_IsThatOfTheLayers_WhereTheyWereMeasured(string scheme, string? bits, PrecisionClass expected)
    {
        RunRecord run = _sample with
        {
            Cells = [.. _sample.Cells.Select(c => c.Cell.Variant.ShortName != scheme || bits is null ? c : c with
            {
                Provenance = c.Provenance.SetItem(CellResult.LayerBits, bits),
            })],
        };

        RunTable table = RunTableBuilder.Build(run);

        Assert.Equal(expected, Assert.Single(table.Rows, r => r.Variant.ShortName == scheme).Class);
        Assert.Equal(PrecisionClass.Medium, Assert.Single(table.Rows, r => r.Variant.ShortName == "Q6_K").Class);
    }

    [Theory]
    [InlineData("load")]
    [InlineData("latency")]
    [InlineData("perplexity")]
    [InlineData("divergence")]
    public void Build_TellsBitsAndSize_WhateverWasMeasured(string workload)
    {
        Measurement[] sizes = [Measurement.Of("bits_per_weight", 4.5), Measurement.Of("artifact_size", 1e6)];
        RunRecord run = _sample with
        {
            Cells = [.. _sample.Cells.Take(1).Select(c => c with
            {
                Cell = new Cell(c.Cell.Model, c.Cell.Variant, c.Cell.Backend, workload, c.Cell.Settings),
                Metrics = [.. sizes],
            })],
        };

        RunTable table = RunTableBuilder.Build(run);

        Assert.Equal(["bits_per_weight", "artifact_size"], table.Columns.Select(column => column.Id));
    }

    [Fact]
    public void Build_GivesOneRowPerVariant_ByBitsDescending()
    {
        RunTable table = RunTableBuilder.Build(_sample);

        Assert.Equal(
            ["F32", "F16", "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q4_0", "Q3_K_M", "Q2_K", "TQ2_0", "IQ1_S"],
            table.Rows.Select(r => r.Variant.ShortName));
        Assert.Equal(
            ["bits_per_weight", "artifact_size", "size_change", "perplexity", "ppl_change", "kl_mean", "same_top", "pp_tps/512",
                "tg_tps/128", "ttft/512", "token_latency", "token_latency_p99", "load_time", "rss_peak"],
            table.Columns.Select(c => c.Id));
        Assert.False(table.ShowModel || table.ShowBackend);
        Assert.Equal("F32", Assert.Single(table.Rows, r => r.IsReference).Variant.ShortName);
    }

    [Fact]
    public void Build_TakesThePairedChange_WhereADivergenceCellHasIt()
    {
        RunRow row = Row("Q4_K_M");

        Assert.Equal(Math.Exp(0.016192) - 1, row["ppl_change"]!.Value, 12);
        Assert.Equal(Math.Exp(0.016192) * 0.001182, row.Figures["ppl_change"].Error!.Value, 12);
        Assert.Equal("38.64 ± 0.86", row.Figures["perplexity"].Text);
        Assert.Equal((3784416.0 / 23220416) - 1, row["size_change"]!.Value, 12);
    }

    [Fact]
    public void Build_ComparesUnpaired_OnlyUnderOneProtocol()
    {
        RunRecord noDivergence = _sample with { Cells = [.. _sample.Cells.Where(c => c.Cell.Workload != "divergence")] };
        RunRecord otherProtocol = noDivergence with
        {
            Cells = [
                .. noDivergence.Cells.Select(c =>
                    c.Cell.Variant.ShortName == "Q4_0" ? c with { Metrics = [.. c.Metrics.Select(m => m with { Protocol = "other" })] }
                        : c)],
        };

        RunFigure plain = RunTableBuilder.Build(noDivergence).Rows.Single(r => r.Variant.ShortName == "Q4_0").Figures["ppl_change"];
        RunFigure unlike = RunTableBuilder.Build(otherProtocol).Rows.Single(r => r.Variant.ShortName == "Q4_0").Figures["ppl_change"];

        Assert.Equal((38.8623 / 38.0192) - 1, plain.Value!.Value, 12);
        Assert.Null(unlike.Value);
        Assert.Contains("protocol", unlike.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Build_SaysWhy_WhereThereIsNoFigure()
    {
        RunFigure failed = Row("IQ1_S").Figures["perplexity"];
        RunFigure unsupported = Row("F32").Figures["kl_mean"];
        RunFigure absent = Row("IQ1_S").Figures["rss_peak"];

        Assert.Equal(("failed", "failed: the quantizer needs an importance matrix for <IQ1_S> & none is configured"),
            (failed.Text, failed.Reason));
        Assert.Equal(("–", "unsupported: the variant is the reference itself"), (unsupported.Text, unsupported.Reason));
        Assert.Equal(("–", "not measured in this run"), (absent.Text, absent.Reason));
    }

    [Fact]
    public void Build_ShowsNoPercentile_WhenSamplesDontSupportIt()
    {
        RunRecord few = _sample with
        {
            Cells = [
                .. _sample.Cells.Select(c =>
                    c with {
                        Metrics = [
                            .. c.Metrics.Select(m =>
                                m.Name == "token_latency" && c.Cell.Variant.ShortName != "F32" ? m with { P99 = null, N = 120 } : m)] })],
        };

        RunFigure figure = RunTableBuilder.Build(few).Rows.Single(r => r.Variant.ShortName == "Q4_0").Figures["token_latency_p99"];

        Assert.Equal(("–", "p99 needs 662 samples, has 120"), (figure.Text, figure.Reason));
    }

    [Fact]
    public void Build_SplitsColumns_WhenSettingsVary()
    {
        CellResult latency = _sample.Cells.First(c => c.Cell.Workload == "latency");
        CellResult With(string key, object value, double tps) => latency with
        {
            Cell = new Cell("m", Variant.Parse("Q4_0"), latency.Cell.Backend, "latency", latency.Cell.Settings.With(key, value)),
            Metrics = [Measurement.Of("tg_tps", tps)],
        };
        RunRecord run = _sample
            with
        { Cells = [With("generate", 32L, 1), With("generate", 128L, 2), With("depth", 4096L, 3), With("kv_type", "q8_0", 4)] };

        RunTable table = RunTableBuilder.Build(run);

        Assert.Equal(["tg_tps/32 kv_type=f16", "tg_tps/128 kv_type=f16", "tg_tps/128 @ d4096 kv_type=f16", "tg_tps/128 kv_type=q8_0"],
            table.Columns.Select(c => c.Id));
        Assert.Equal([1.0, 2, 3, 4], table.Columns.Select(c => table.Rows.Single()[c.Id]!.Value));
    }

    [Fact]
    public void Build_CountsAndGroupsProblems()
    {
        RunTable table = RunTableBuilder.Build(_sample);

        Assert.Equal([(CellStatus.Ok, 39), (CellStatus.Failed, 1), (CellStatus.Unsupported, 1), (CellStatus.Cancelled, 0)],
            table.Counts.Select(c => (c.Key, c.Value)));
        Assert.Equal([CellStatus.Failed, CellStatus.Unsupported], table.Problems.Select(p => p.Status));
    }

    [Fact]
    public void Build_WorksOnAnEmptyRun()
    {
        RunTable table = RunTableBuilder.Build(_sample with { Cells = [] });

        Assert.Empty(table.Rows);
        Assert.Empty(table.Columns);
        Assert.Equal("| Variant | Class |\n| --- | --- |\n", MarkdownTable.Write(table));
    }

    [Fact]
    public void Markdown_IsTheSnapshot()
    {
        RunRecord small = _sample
            with
        {
            Cells = [
                .. _sample.Cells.Where(c =>
                    c.Cell.Variant.ShortName is "F32" or "Q4_K_M" or "IQ1_S" && c.Cell.Workload is "perplexity" or "divergence")]
        };
        small = small with { Cells = [.. small.Cells.Where(c => c.Cell.Variant.ShortName is "F32" or "Q4_K_M" or "IQ1_S")] };

        Assert.Equal(
            """
            | Variant | Class | Perplexity (± SE) | ΔPPL (± SE) | Mean KL (nat) | Same top |
            | --- | --- | ---: | ---: | ---: | ---: |
            | `gguf:F32` | full | 38.02 ± 0.84 | reference | – | – |
            | `gguf:Q4_K_M` | low | 38.64 ± 0.86 | +1.63 ± 0.12 % | 0.01009 ± 0.00010 | 93.25 ± 0.20 % |
            | `gguf:IQ1_S` | ultra-low | failed | – | – | – |

            """,
            MarkdownTable.Write(RunTableBuilder.Build(small)).Replace('\u00a0', ' '));
    }

    [Fact]
    public void Markdown_GivesEachModelATableWithItsOwnColumns()
    {
        CellResult[] shape = [.. _sample.Cells.Where(c => c.Cell.Workload == "latency").Take(2)
            .Select(c => c with { Cell = new Cell("a-shape", c.Cell.Variant, c.Cell.Backend, c.Cell.Workload, c.Cell.Settings) })];
        RunRecord two = _sample with { Cells = [.. _sample.Cells.Where(c => c.Cell.Workload == "perplexity"), .. shape] };

        string[] tables = MarkdownTable.Write(RunTableBuilder.Build(two)).Split("### ", StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal(2, tables.Length);
        Assert.StartsWith("a-shape\n\n| Variant |", tables[0], StringComparison.Ordinal);
        Assert.DoesNotContain("PPL", tables[0], StringComparison.Ordinal);
        Assert.Contains("tg ", tables[0], StringComparison.Ordinal);
        Assert.Contains("Perplexity", tables[1], StringComparison.Ordinal);
        Assert.DoesNotContain("tg ", tables[1], StringComparison.Ordinal);
    }

    private RunRow Row(string variant) => RunTableBuilder.Build(_sample).Rows.Single(r => r.Variant.ShortName == variant);
}
