using System.Collections.Immutable;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Claims;
using QuantBench.Core.Cells;
using QuantBench.Core.Claims;
using QuantBench.Core.Variants;
using QuantBench.Results.Folders;
using QuantBench.SampleData;
using QuantBench.TestKit;

namespace QuantBench.Analysis.Tests.Claims;

public sealed class ClaimJudgeTests
{
    private readonly CandidateSet _set = CandidateSet.Of(SampleRun.Make());

    [Fact]
    public void Judge_JudgesEveryClaim_OncePerBaseThatIsThere()
    {
        ImmutableArray<Claim> claims = ClaimReader.Load(RepositoryRoot.Combine("suites/claims.yaml"));

        ImmutableArray<ClaimFinding> findings = ClaimJudge.Judge(_set, claims);

        Assert.Equal(claims.Select(c => c.Id), findings.Select(f => f.Claim.Id).Distinct());
        Assert.All(findings, f => Assert.True(f.Reason.Length > 0 || !f.Evidence.IsEmpty));
        Assert.Equal(["gguf:F32", "gguf:F16"], findings.Where(f => f.Claim.Id == "q4-0-size").Select(f => f.Base!.Id));
        ClaimFinding absent = findings.Single(f => f.Claim.Id == "q5-1-size");
        Assert.Equal("no backend of the run has what it is about: gguf:Q5_1", absent.Reason);
    }

    [Fact]
    public void Judge_AsksNoEngine_WhatItCannotHold()
    {
        // An engine of another format beside the first, with the reference under its own name.
        RunRecord run = SampleRun.Make();
        var other = new BackendId("other", "cpu");
        CellResult[] moved = [.. run.Cells.Where(c => c.Cell.Variant.ShortName is "F32" or "Q8_0").Select(c => c with
        {
            Cell = new Cell(c.Cell.Model, Variant.Parse(c.Cell.Variant.ShortName == "F32" ? "onnx:fp32" : "onnx:int8-b32"), other,
                c.Cell.Workload, c.Cell.Settings),
        })];
        CandidateSet two = CandidateSet.Of(run with { Cells = [.. run.Cells, .. moved] });
        ImmutableArray<Claim> claims = ClaimReader.Load(RepositoryRoot.Combine("suites/claims.yaml"));

        ImmutableArray<ClaimFinding> alone = ClaimJudge.Judge(_set, claims);
        ImmutableArray<ClaimFinding> beside = ClaimJudge.Judge(two, claims);

        Assert.Equal(alone.Select(f => (f.Claim.Id, f.Base, f.Backend, f.Verdict)),
            beside.Select(f => (f.Claim.Id, f.Base, f.Backend, f.Verdict)));
    }

    [Fact]
    public void Judge_HoldsNothingAgainstItself()
    {
        // Without F32 the run's F16 is the reference: it says nothing about F16.
        RunRecord run = SampleRun.Make();
        CandidateSet own = CandidateSet.Of(run with
        {
            Cells = [.. run.Cells.Where(c => c.Cell.Variant.ShortName != "F32" && c.Cell.Workload != "divergence")],
        });
        ImmutableArray<Claim> claims = ClaimReader.Load(RepositoryRoot.Combine("suites/claims.yaml"));

        ClaimFinding lossless = ClaimJudge.Judge(own, claims).Single(f => f.Claim.Id == "f16-lossless");

        Assert.Equal("gguf:F16", own.Reference(own.All[0])!.Variant.Id);
        Assert.Equal(ClaimVerdict.CantTell, lossless.Verdict);
        Assert.Empty(lossless.Evidence);
    }

    [Theory]
    [InlineData("metric: artifact_size, change: { min: -80%, max: -70% }, bases: [gguf:F32]", ClaimVerdict.Fails)] // 84 % smaller
    [InlineData("metric: artifact_size, change: { min: -90%, max: -80% }, bases: [gguf:F32]", ClaimVerdict.Holds)]
    [InlineData("metric: artifact_size, change: { max: 0% }, bases: [gguf:BF16]", ClaimVerdict.CantTell)] // not in the run
    [InlineData("metric: ppl_rise, value: { max: 3% }", ClaimVerdict.Holds)] // 1.6 ± 0.1 %
    [InlineData("metric: ppl_rise, value: { max: 1% }", ClaimVerdict.Fails)]
    [InlineData("metric: ppl_rise, value: { max: 1.7% }", ClaimVerdict.CantTell)] // the interval lies on both sides
    [InlineData("metric: tg_tps, best_among: [gguf:F16, gguf:F32]", ClaimVerdict.Holds)]
    [InlineData("metric: tg_tps, best_among: ['*']", ClaimVerdict.Fails)] // Q4_0 is 5 % faster
    [InlineData("metric: device_memory, value: { max: 1 }", ClaimVerdict.CantTell)] // not measured
    [InlineData("frontier: [bits_per_weight, kl_mean]", ClaimVerdict.Holds)]
    [InlineData("frontier: [tg_tps, kv_cache_size]", ClaimVerdict.Fails)] // as large as the rest, and slower than some
    public void Judge_TellsHoldsFailsAndCantTell(string form, ClaimVerdict verdict)
    {
        using var folder = new TemporaryFolder();
        string path = Path.Combine(folder.Path, "claims.yaml");
        File.WriteAllText(path, $"claims:\n  - {{ id: x, claim: y, variants: [gguf:Q4_K_M], {form} }}\n");

        ClaimFinding finding = Assert.Single(ClaimJudge.Judge(_set, ClaimReader.Load(path)));

        Assert.Equal(verdict, finding.Verdict);
    }
}
