using System.Collections.Immutable;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Claims;
using QuantBench.Core.Claims;
using QuantBench.SampleData;
using QuantBench.TestKit;

namespace QuantBench.Analysis.Tests.Claims;

public sealed class ClaimJudgeTests
{
    private readonly CandidateSet _set = CandidateSet.Of(SampleRun.Make());

    [Fact]
    public void Judge_JudgesEveryClaim_OncePerBase()
    {
        ImmutableArray<Claim> claims = ClaimReader.Load(RepositoryRoot.Combine("suites/claims.yaml"));

        ImmutableArray<ClaimFinding> findings = ClaimJudge.Judge(_set, claims);

        Assert.Equal(claims.Sum(c => Math.Max(1, c.Bases.Length)), findings.Length);
        Assert.All(findings, f => Assert.True(f.Reason.Length > 0 || !f.Evidence.IsEmpty));
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
