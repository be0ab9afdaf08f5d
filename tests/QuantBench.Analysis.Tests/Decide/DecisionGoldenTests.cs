using System.Text;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Decide;
using QuantBench.Analysis.Plots;
using QuantBench.Analysis.Tables;
using QuantBench.Core.Cells;
using QuantBench.Core.Engines;
using QuantBench.Core.Profiles;
using QuantBench.Results.Folders;
using QuantBench.TestKit;

namespace QuantBench.Analysis.Tests.Decide;

/// <summary>What is shipped and what is said of it, over measured runs, made-up models, and runs whose figures are little but noise. The
/// file is read by people before it is written anew: <c>QB_WRITE_GOLDEN=1</c>.</summary>
public sealed class DecisionGoldenTests
{
    private static readonly string[] s_profiles = ["phone", "tablet", "laptop", "desktop", "workstation", "server", "research"];
    private static readonly string s_file =
        RepositoryRoot.Combine("tests", "QuantBench.Analysis.Tests", "Decide", "Tables", "decisions.txt");

    [Fact]
    public void Decisions_AreThoseOfTheGoldenFile()
    {
        var text = new StringBuilder();
        foreach (string table in (string[])["main-run", "formats", "made-up-models"])
            Write(text, table, DecisionTable.Read(table), s_profiles);
        for (int seed = 1; seed <= 10; seed++) Write(text, $"main-run, noise {seed}", Noisy(seed), ["laptop", "research"]);
        string now = text.ToString();

        if (Environment.GetEnvironmentVariable("QB_WRITE_GOLDEN") == "1") File.WriteAllText(s_file, now);
        Assert.Equal(File.ReadAllText(s_file).ReplaceLineEndings("\n"), now);
    }

    [Fact]
    public void Findings_OfNoise_CallNothingShown()
    {
        // The same truth for every variant, each 3 % off the reference, and errors that say so: of ten runs hardly any may show one ahead
        // on both axes, or near the reference.
        int shown = 0;
        for (int seed = 1; seed <= 10; seed++)
        {
            var random = new Random(seed);
            RunRecord run = DecisionTable.Read("main-run", (metric, _, _) => metric switch
            {
                "perplexity" => (38 + Normal(random), 1),
                "ppl_ratio" => (1.03 + (0.02 * Normal(random)), 0.02),
                "kl_mean" => (0.01 * (1 + (0.1 * Normal(random))), 0.001),
                "same_top" => (0.95 + (0.01 * Normal(random)), 0.01),
                _ => (1000 * (1 + (0.1 * Normal(random))), 250),
            });
            string[] findings = [.. RunPlots.Draw(RunTableBuilder.Build(run)).Select(f => f.Finding)];
            shown += findings.Count(f => f.Contains("is shown to beat", StringComparison.Ordinal)
                || f.Contains("smallest variant shown", StringComparison.Ordinal));
        }

        Assert.InRange(shown, 0, 1);
    }

    [Theory]
    [InlineData("no errors")]
    [InlineData("equal")]
    [InlineData("one variant")]
    [InlineData("reference only")]
    [InlineData("nothing measured")]
    [InlineData("broken figures")]
    public void Text_SaysNothingThatIsNotKnown_OfDegenerateRuns(string kind)
    {
        RunRecord plain = DecisionTable.Read("main-run");
        RunRecord run = kind switch
        {
            "no errors" => DecisionTable.Read("main-run", (_, value, _) => (value, null)),
            "equal" => DecisionTable.Read("main-run", (metric, _, _) => (metric is "ppl_ratio" or "same_top" ? 1 : 5, 0)),
            "one variant" => plain with { Cells = [.. plain.Cells.Where(c => c.Cell.Variant.ShortName == "Q4_0")] },
            "reference only" => plain with { Cells = [.. plain.Cells.Where(c => c.Cell.Variant.ShortName == "F32")] },
            "nothing measured" => plain with
            {
                Cells = [.. plain.Cells.Select(c => c with { Status = CellStatus.Failed, Reason = "it broke", Metrics = [] })],
            },
            _ => DecisionTable.Read("main-run", (metric, value, error) => metric is "perplexity" ? (value, error) : (double.NaN, error)),
        };
        var text = new StringBuilder();

        Write(text, kind, run, s_profiles);

        string said = text.ToString();
        Assert.DoesNotContain("NaN", said, StringComparison.Ordinal);
        Assert.DoesNotContain("∞", said, StringComparison.Ordinal);
        Assert.DoesNotContain("worth a look", said, StringComparison.Ordinal);
        if (kind is "no errors" or "equal") Assert.DoesNotContain("is shown to beat", said, StringComparison.Ordinal);
        if (kind == "no errors") Assert.DoesNotContain("smallest variant shown", said, StringComparison.Ordinal);
    }

    // Timings that jump by a tenth, and quality from a text so short that its errors are twenty times as large.
    private static RunRecord Noisy(int seed)
    {
        var random = new Random(seed);
        return DecisionTable.Read("main-run", (metric, value, error) => metric switch
        {
            "perplexity" or "ppl_ratio" or "kl_mean" => (Math.Max(value * 0.1, value + (20 * error * Normal(random))), 20 * error),
            "same_top" => (Math.Clamp(value + (20 * error * Normal(random)), 0, 1), 20 * error),
            _ => (value * Math.Exp(0.1 * Normal(random)), 0.2 * value),
        });
    }

    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    private static void Write(StringBuilder text, string name, RunRecord run, string[] profiles)
    {
        CandidateSet set = CandidateSet.Of(run);
        text.Append($"== {name}\n");
        foreach (string profile in profiles)
        {
            foreach (Recommendation answer in Recommender.Recommend(set, ProfileOf(profile), EngineCatalog.None))
            {
                text.Append($"{profile}: {answer.Pick?.Name ?? "nothing"}\n  {DecisionText.Lead(answer)}\n");
                if (DecisionText.FlipSentence(answer) is { } flip) text.Append($"  {flip}\n");
            }
        }

        foreach (ParetoFront front in ParetoAnalyzer.Analyze(set, ParetoAnalyzer.DefaultAxes(set)))
            text.Append($"front: {DecisionText.Lead(front)}\n");
        foreach (PlotFigure figure in RunPlots.Draw(RunTableBuilder.Build(run)))
            text.Append($"{figure.Id}: {figure.Finding}\n");
        text.Append('\n');
    }

    private static Profile ProfileOf(string name) =>
        ProfileReader.Load(RepositoryRoot.Combine("suites", "profiles", $"{name}.yaml"), EngineCatalog.None);
}
