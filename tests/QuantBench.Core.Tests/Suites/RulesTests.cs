using System.Collections.Immutable;
using QuantBench.Core.Claims;
using QuantBench.Core.Errors;
using QuantBench.Core.Gates;
using QuantBench.Core.Limits;
using QuantBench.Core.Profiles;

namespace QuantBench.Core.Tests.Suites;

/// <summary>Gates, profiles and claims as they are read from YAML.</summary>
public sealed class RulesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Gates_AreRead()
    {
        ImmutableArray<GateRule> rules = GateReader.Load(Write("""
            gates:
              - { variant: Q4_K_M, metric: perplexity, max: +2 %, vs: gguf:F16 }
              - { metric: rss_peak@workload=load, max: 1GiB, name: memory, unsure: fail }
              - { metric: tg_tps, min: −3%, vs: baseline, unsure: pass }
            """));

        Assert.Equal((GateBase.Variant, 0.02, true), (rules[0].Base, rules[0].Bounds[0].Limit, rules[0].Bounds[0].Relative));
        Assert.Equal("Q4_K_M: perplexity ≤ +2 % vs gguf:F16", rules[0].Name);
        Assert.Equal(("memory", 1L << 30, UnsurePolicy.Fail, "load"),
            (rules[1].Name, (long)rules[1].Bounds[0].Limit, rules[1].Unsure, rules[1].Metric.Settings["workload"]));
        Assert.Equal((GateBase.Baseline, -0.03, false), (rules[2].Base, rules[2].Bounds[0].Limit, rules[2].Bounds[0].IsMax));
    }

    [Theory]
    [InlineData("{ metric: tg_tsp, min: 1 }", "there is no metric 'tg_tsp'")]
    [InlineData("{ metric: tg_tps }", "the gate has no limit")]
    [InlineData("{ metric: tg_tps, min: 3% }", "doesn't say from what")]
    [InlineData("{ metric: tg_tps, min: 3, vs: baseline }", "'vs' is given")]
    [InlineData("{ metric: tg_tps, min: 3GiB }", "isn't a limit of tg_tps")]
    [InlineData("{ metric: tg_tps, min: 5, max: 4 }", "min is above its max")]
    [InlineData("{ metric: tg_tps@dpeth=1, min: 5 }", "there is no setting 'dpeth'")]
    [InlineData("{ metric: tg_tps, min: 5, unsure: maybe }", "'unsure' can't be")]
    [InlineData("{ metric: tg_tps, min: 5%, vs: gguf:Q9 }", "no variant")]
    public void Gates_NameTheFault(string rule, string problem)
    {
        SuiteException e = Assert.Throws<SuiteException>(() => GateReader.Load(Write($"gates:\n  - {rule}\n")));

        Assert.Contains(problem, e.Message, StringComparison.Ordinal);
        Assert.Equal(2, e.Line);
    }

    [Theory]
    [InlineData("rss_peak<=2GiB", 2147483648.0)]
    [InlineData("ttft<=1.5s", 1500.0)]
    [InlineData("tg_tps>=20 token/s", 20.0)]
    [InlineData("tg_tps>=20t/s", 20.0)]
    [InlineData("ppl_rise<=2.5%", 0.025)]
    [InlineData("same_top>=95%", 0.95)]
    public void Bound_ReadsUnits(string text, double limit) => Assert.Equal(limit, Bound.Parse(text).Limit, 1e-9);

    [Theory]
    [InlineData("tg_tps")]
    [InlineData("tg_tps<=3%")]
    [InlineData("nonsense>=1")]
    [InlineData(">=1")]
    public void Bound_Throws_WhenItIsNone(string text) => Assert.Throws<RequestException>(() => Bound.Parse(text));

    [Theory]
    [InlineData("phone")]
    [InlineData("tablet")]
    [InlineData("laptop")]
    [InlineData("desktop")]
    [InlineData("workstation")]
    [InlineData("server")]
    [InlineData("research")]
    public void Profiles_OfTheInstallationAreValid(string name)
    {
        Profile profile = ProfileReader.Load(Repository.Suite($"profiles/{name}.yaml"));

        Assert.Equal(name, profile.Name);
        Assert.NotEmpty(profile.Prefer);
        Assert.Equal(name != "research", profile.LeastParameters > 0);
    }

    [Fact]
    public void Profile_TakesALimit()
    {
        Profile profile = ProfileReader.Load(Repository.Suite("profiles/phone.yaml")).WithLimit(Bound.Parse("tg_tps>=30"));

        Assert.Equal(30, profile.Limits.Single(l => l.Metric.Metric == "tg_tps").Limit);
    }

    [Fact]
    public void Profile_SaysWhatItPrefers_AndForWhichModels()
    {
        Profile profile = ProfileReader.Load(Write(
            "profile: x\nlimits: { ppl_rise: { max: 3% } }\nprefer: [tg_tps, rss_peak]\nparameters: { min: 500M, max: 1.5B }\n"
                + "weights: { ppl_rise: 1 }\n"));

        Assert.Equal(["tg_tps", "rss_peak"], profile.Prefer.Select(m => m.Metric));
        Assert.Equal((5e8, 1.5e9), (profile.LeastParameters, profile.MostParameters));
        Assert.True(profile.HasWeights); // a file of an earlier build opens, and the answer says that its weights don't count
    }

    [Theory]
    [InlineData("profile: x\nlimits: { tg_tps: { min: 5 } }\nprefer: delta_p_mean\n", "has no better direction")]
    [InlineData("profile: x\nlimits: { tg_tps: { min: 0 } }\n", "must be above 0")]
    [InlineData("profile: x\n", "has no 'limits'")]
    [InlineData("profile: x\nlimits: { tg_tps: { min: 5 } }\nparameters: { min: 2B, max: 1B }\n", "a minimum above its maximum")]
    public void Profiles_NameTheFault(string text, string problem) =>
        Assert.Contains(problem, Assert.Throws<SuiteException>(() => ProfileReader.Load(Write(text))).Message, StringComparison.Ordinal);

    [Fact]
    public void Claims_OfTheInstallationAreValid()
    {
        ImmutableArray<Claim> claims = ClaimReader.Load(Repository.Suite("claims.yaml"));

        Assert.Superset(
            new HashSet<string> { "q4-0-size", "q5-1-size", "q8-0-size", "q4-k-fastest-cpu", "q5-k-balanced", "q8-0-near-original",
                "q2-k-small" },
            claims.Select(c => c.Id).ToHashSet());
        Assert.All(claims.Where(c => !c.Bases.IsEmpty), c => Assert.Equal(["gguf:F32", "gguf:F16"], c.Bases.Select(b => b.Id)));
    }

    [Theory]
    [InlineData("- { id: a, claim: b, variants: [x], metric: tg_tps }", "doesn't say what must hold")]
    [InlineData("- { id: a, claim: b, variants: [x], metric: tg_tps, change: { min: 1% } }", "names no base")]
    [InlineData("- { id: a, claim: b, variants: [x], metric: tg_tps, value: { min: 1 }, bases: [gguf:F16] }",
        "none of its tests is a change")]
    [InlineData("- { id: a, claim: b, variants: [x], frontier: [tg_tps] }", "two metrics or more")]
    [InlineData("- { id: a, claim: b, variants: [x], metric: tg_tps, value: { min: 1 } }\n  - { id: a, claim: c, variants: [x], metric: "
        + "tg_tps, value: { min: 1 } }", "used twice")]
    public void Claims_NameTheFault(string claim, string problem) =>
        Assert.Contains(problem, Assert.Throws<SuiteException>(() => ClaimReader.Load(Write($"claims:\n  {claim}\n"))).Message,
            StringComparison.Ordinal);

    private string Write(string text)
    {
        string path = Path.Combine(_folder.Path, "rules.yaml");
        File.WriteAllText(path, text);
        return path;
    }
}
