using System.Collections.Immutable;
using System.CommandLine;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Claims;
using QuantBench.Analysis.Frames;
using QuantBench.Core.Claims;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench claims</c>.</summary>
internal static class ClaimsCommand
{
    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        Argument<string> run = ResultsCommand.RunArgument();
        run.DefaultValueFactory = _ => "latest";
        var file = new Option<string?>("--file")
        {
            Description = "a claims file of your own (default: suites/claims.yaml)",
            HelpName = "FILE"
        };
        var output = new FrameOutput();
        var command = new Command("claims", "Judge what people say about quantized models by a run: holds, fails, or can't tell.") { run,
            file };
        output.AddTo(command);
        command.SetAction(async (parsed, stop) =>
        {
            var environment = global.Environment(parsed);
            ImmutableArray<Claim> claims = ClaimReader.Load(
                parsed.GetValue(file) ?? SuiteFiles.Claims(environment.Root), environment.Engines.Catalog);
            ImmutableArray<ClaimFinding> findings =
                ClaimJudge.Judge(CandidateSet.Of(environment.Runs.Load(parsed.GetRequiredValue(run))), claims);
            await output.WriteAsync(parsed, () => ClaimText.Markdown(findings), () => AnalysisFrames.Of(findings), stop);
        });
        help.Add(command, """
            Examples:
              quantbench claims latest
              quantbench claims latest --file my-claims.yaml --format json

            claims:                                     # the form of a claim; suites/claims.yaml has one of each kind
              - id: q4-0-size
                claim: Q4_0 makes a model about 75 % smaller.
                bases: [gguf:F32, gguf:F16]             # judged once for each
                variants: [gguf:Q4_0]
                metric: artifact_size
                change: { min: -80%, max: -70% }        # or value: {…}, best_among: […], frontier: […]
            """);
        return command;
    }
}
