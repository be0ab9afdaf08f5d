using System.Collections.Immutable;
using QuantBench.Analysis.Compare;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Variants;
using QuantBench.Results.Folders;
using QuantBench.Results.Reading;
using QuantBench.SampleData;

namespace QuantBench.Analysis.Tests.Compare;

public sealed class RunComparerTests
{
    private readonly RunRecord _a = SampleRun.Make("run-a");

    [Fact]
    public void Compare_ShowsNoDifference_BetweenARunAndItself()
    {
        RunComparison same = RunComparer.Compare(new ComparisonSide(_a), new ComparisonSide(_a));

        Assert.All(same.Rows, r => Assert.Equal(
            r.Metric.Kind == MetricKind.Timing ? Verdict.NotToldApart : r.Metric.Name == "rss_peak" ? Verdict.NoErrorKnown : Verdict.Equal,
            r.Verdict));
        Assert.Equal(_a.Cells.Sum(c => c.Metrics.Length), same.Rows.Length);
    }

    [Fact]
    public void Compare_FindsASlowerRun_InEveryTiming()
    {
        RunComparison slower =
            RunComparer.Compare(new ComparisonSide(_a), new ComparisonSide(SampleRun.Make("run-b", speed: 0.9, seed: 8)));

        MetricComparison[] timings = [.. slower.Rows.Where(r => r.Metric.Kind == MetricKind.Timing)];
        Assert.Equal(50, timings.Length);
        Assert.All(timings, r => Assert.Equal(Verdict.Worse, r.Verdict));
        MetricComparison tg = timings.First(r => r.Metric.Name == "tg_tps");
        Assert.InRange(tg.Difference!.Value, -0.12, -0.08);
        Assert.InRange(-0.1, tg.Interval!.Value.Low, tg.Interval.Value.High);
        Assert.InRange(tg.AdjustedP!.Value, 0, 0.001);
    }

    [Fact]
    public void Compare_CallsFew_WhenOnlyNoiseDiffers()
    {
        RunComparison noise = RunComparer.Compare(new ComparisonSide(_a), new ComparisonSide(SampleRun.Make("run-b", seed: 99)));

        int called = noise.Rows.Count(r => r.Metric.Kind == MetricKind.Timing && r.Verdict != Verdict.NotToldApart);
        Assert.InRange(called, 0, 2); // of 50; uncorrected about 2 or 3 would be expected
    }

    [Fact]
    public void Compare_PairsPerplexityByChunks_BetweenVariants()
    {
        RunComparison variants =
            RunComparer.Compare(new ComparisonSide(_a, Variant.Parse("F32")), new ComparisonSide(_a, Variant.Parse("Q4_K_M")));

        MetricComparison ppl = variants.Rows.Single(r => r.Metric.Name == "perplexity");
        Assert.Equal(Verdict.Worse, ppl.Verdict); // 1.6 % apart, each ± 2.2 %: only pairing shows it
        Assert.Equal((38.6398 / 38.0192) - 1, ppl.Difference!.Value, 6);
        Assert.Contains("paired over 64 chunks", ppl.Note, StringComparison.Ordinal);
        Assert.Equal(Verdict.Better, variants.Rows.Single(r => r.Metric.Name == "artifact_size").Verdict);
    }

    [Fact]
    public void Compare_TakesErrorsAsIndependent_WithoutChunks()
    {
        RunRecord bare = _a
            with
        {
            Cells = [
                .. _a.Cells.Select(c =>
                    c with { Metrics = [.. c.Metrics.Select(m => m.Name == "perplexity" ? m with { Samples = null } : m)] })]
        };

        RunComparison variants =
            RunComparer.Compare(new ComparisonSide(bare, Variant.Parse("F32")), new ComparisonSide(bare, Variant.Parse("Q4_K_M")));

        Assert.Equal(Verdict.NotToldApart, variants.Rows.Single(r => r.Metric.Name == "perplexity").Verdict);
    }

    [Fact]
    public void Compare_RefusesQuality_UnderUnlikeProtocols()
    {
        RunRecord other = _a
            with
        {
            Cells = [
                .. _a.Cells.Select(c =>
                    c with { Metrics = [.. c.Metrics.Select(m => m.Protocol is null ? m : m with { Protocol = "ppl-v1/n_ctx=1024" })] })]
        };

        RunComparison comparison = RunComparer.Compare(new ComparisonSide(_a), new ComparisonSide(other));

        MetricComparison[] quality = [.. comparison.Rows.Where(r => r.Metric.Kind == MetricKind.Quality)];
        Assert.NotEmpty(quality);
        Assert.All(quality, r => Assert.Equal(Verdict.NotComparable, r.Verdict));
        Assert.All(quality, r => Assert.Contains("n_ctx=1024", r.Note, StringComparison.Ordinal));
        Assert.All(quality, r => Assert.Null(r.Difference));
    }

    [Fact]
    public void Compare_RefusesTimings_OfUnlikeMachines_ButNotQualityOrSize()
    {
        RunRecord other = SampleRun.Make("run-b");
        other = other
            with
        { Info = other.Info with { Fingerprint = other.Info.Fingerprint with { MachineId = "another", Cpu = "Other CPU" } } };

        RunComparison comparison = RunComparer.Compare(new ComparisonSide(_a), new ComparisonSide(other));

        Assert.Contains(comparison.Differing, d => d.Contains("Other CPU", StringComparison.Ordinal));
        Assert.All(comparison.Rows.Where(r => r.Metric.Kind == MetricKind.Timing || r.Metric.Name == "rss_peak"),
            r => Assert.Equal(Verdict.NotComparable, r.Verdict));
        Assert.All(comparison.Rows.Where(r => r.Metric.Kind == MetricKind.Quality || r.Metric.Name == "artifact_size"),
            r => Assert.Equal(Verdict.Equal, r.Verdict));
    }

    [Theory]
    [InlineData(1.0005, null, null, Verdict.Worse)] // one machine: the difference is the file's or the engine's
    [InlineData(1.0005, "avx512f", null, Verdict.NotToldApart)]
    [InlineData(1.0005, null, "zen4", Verdict.NotToldApart)]
    [InlineData(1.0005, "avx512f", "haswell", Verdict.Worse)] // another CPU, but the same code
    [InlineData(1.01, "avx512f", null, Verdict.Worse)] // more than rounding makes
    public void Compare_DoesNotBlameAFile_ForWhatAnotherCpusRoundingMakes(double factor, string? flag, string? code, Verdict expected)
    {
        RunRecord b = SampleRun.Make("run-b");
        ImmutableArray<string> flags = flag is null ? b.Info.Fingerprint.CpuFlags : [.. b.Info.Fingerprint.CpuFlags, flag];
        b = b with { Info = b.Info with { Fingerprint = b.Info.Fingerprint with { CpuFlags = flags } } };
        b = Change(b, code, c => c with { Metrics = [.. c.Metrics.Select(m => m.Name == "perplexity" ? Times(m, factor) : m)] });

        RunComparison comparison = RunComparer.Compare(new ComparisonSide(Change(_a, code is null ? null : "haswell", c => c)),
            new ComparisonSide(b));

        MetricComparison[] rows = [.. comparison.Rows.Where(r => r.Metric.Name == "perplexity")];
        Assert.NotEmpty(rows);
        Assert.All(rows, r => Assert.Equal(expected, r.Verdict));
        if (expected == Verdict.NotToldApart)
            Assert.All(rows, r => Assert.Contains("from rounding alone", r.Note, StringComparison.Ordinal));

        static Measurement Times(Measurement m, double by) =>
            m with { Value = m.Value * by, Samples = m.Samples?.Select(s => s * by).ToArray() };

        static RunRecord Change(RunRecord run, string? code, Func<CellResult, CellResult> change) => run with
        {
            Cells = [.. run.Cells.Select(c =>
                change(code is null ? c : c with { Provenance = c.Provenance.SetItem("cpu_variant", code) }))],
        };
    }

    [Theory]
    [InlineData("haswell", "same", Verdict.NotComparable)]
    [InlineData("zen4", "same", Verdict.Worse)] // the same code takes more: the engine's doing
    [InlineData("haswell", "other", Verdict.Worse)]
    public void Compare_DoesNotBlameAFile_ForHowItIsLaidOut(string code, string file, Verdict expected)
    {
        RunRecord a = Weighing(_a, "zen4", "same", 1000), b = Weighing(SampleRun.Make("run-b"), code, file, 1010);

        MetricComparison[] rows = [.. RunComparer.Compare(new ComparisonSide(a), new ComparisonSide(b)).Rows
            .Where(r => r.Metric.Name == "weights_size")];

        Assert.NotEmpty(rows);
        Assert.All(rows, r => Assert.Equal(expected, r.Verdict));
        Assert.All(rows, r => Assert.Equal(code == "haswell" && file == "same",
            r.Note == "not comparable: the same file, laid out for CPU code zen4 against haswell"));

        static RunRecord Weighing(RunRecord run, string code, string file, double bytes) => run with
        {
            Cells = [.. run.Cells.Where(c => c.Status == CellStatus.Ok).Select(c => c with
            {
                Provenance = c.Provenance.SetItem("cpu_variant", code).SetItem("artifact_sha256", file),
                Metrics = [.. c.Metrics.Where(m => m.Name != "weights_size"), Measurement.Of("weights_size", bytes)],
            })],
        };
    }

    [Fact]
    public void Compare_ListsCellsOfOneSideOnly()
    {
        RunRecord fewer = _a with { Cells = [.. _a.Cells.Where(c => c.Cell.Variant.ShortName != "Q4_0")] };

        RunComparison comparison = RunComparer.Compare(new ComparisonSide(_a), new ComparisonSide(fewer));

        Assert.Equal(4, comparison.OnlyA.Length);
        Assert.Empty(comparison.OnlyB);
    }

    [Fact]
    public void Markdown_ShowsLossesAndGains_AndCountsWhatIsLeftOut()
    {
        RunComparison comparison =
            RunComparer.Compare(new ComparisonSide(_a, Variant.Parse("F32")), new ComparisonSide(_a, Variant.Parse("Q4_K_M")));
        int worse = comparison.Count(Verdict.Worse);
        int better = comparison.Count(Verdict.Better);
        Assert.True(worse > 0 && better > 0 && worse + better > 2, $"{worse} worse, {better} better"); // else the test shows nothing

        string text = ComparisonText.Markdown(comparison, most: 2);

        string[] rows = [
            .. text.Split('\n')
                .Where(l =>
                    l.StartsWith("| ", StringComparison.Ordinal) && !l.StartsWith("| Cell", StringComparison.Ordinal)
                        && !l.StartsWith("| ---", StringComparison.Ordinal))];
        Assert.Equal(2, rows.Length);
        Assert.Contains("| worse |", rows[0], StringComparison.Ordinal);
        Assert.Contains("| better |", rows[1], StringComparison.Ordinal);
        Assert.Contains($"{comparison.Rows.Length - 2} figures are left out", text, StringComparison.Ordinal);
        Assert.DoesNotContain("left out", ComparisonText.Markdown(comparison, comparison.Rows.Length), StringComparison.Ordinal);
    }

    [Fact]
    public void Markdown_HasOneLinePerFigure_AndTheLead()
    {
        RunComparison comparison =
            RunComparer.Compare(new ComparisonSide(_a, Variant.Parse("F32")), new ComparisonSide(_a, Variant.Parse("Q4_K_M")));

        string text = ComparisonText.Markdown(comparison);

        Assert.Contains("of 11 figures 7 better, 1 worse, 1 not told apart, 1 no error known, 1 equal.", text, StringComparison.Ordinal);
        Assert.StartsWith("run-a:gguf:Q4\\_K\\_M against run-a:gguf:F32: ", text, StringComparison.Ordinal);
        Assert.Equal(4 + comparison.Rows.Length, text.Split('\n').Length - 1);
    }

    [Theory]
    [InlineData("latest", null, null, 41)]
    [InlineData("run-a:Q4_0", "gguf:Q4_0", null, 4)]
    [InlineData("run-a:gguf:q4_0@llamacpp/cpu", "gguf:Q4_0", "llamacpp/cpu", 4)]
    [InlineData("run:*@llamacpp/cpu", null, "llamacpp/cpu", 41)]
    public void Parse_ReadsTheSelector(string text, string? variant, string? backend, int cells)
    {
        using var root = new TemporaryFolder();
        Write(root.Path);

        ComparisonSide side = ComparisonSide.Parse(text, new RunReader(root.Path).LoadWhole);

        Assert.Equal((variant, backend, cells), (side.Variant?.Id, side.Backend?.ToString(), side.Cells.Count()));
    }

    [Theory]
    [InlineData("nothing")]
    [InlineData(":Q4_0")]
    [InlineData("run-a:Q9_9")]
    [InlineData("run-a:Q4_0@cpu")]
    [InlineData("run-a:Q5_0")] // known, but not in the run
    public void Parse_Throws_WhenAPartNamesNothing(string text)
    {
        using var root = new TemporaryFolder();
        Write(root.Path);

        Assert.Throws<RequestException>(() => ComparisonSide.Parse(text, new RunReader(root.Path).LoadWhole));
    }

    private void Write(string root)
    {
        using RunFolder folder = RunFolder.Create(root, _a.Info);
        foreach (CellResult cell in _a.Cells) folder.Append(cell);
    }
}
