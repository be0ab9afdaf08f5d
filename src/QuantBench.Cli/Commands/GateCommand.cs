using System.Collections.Immutable;
using System.CommandLine;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Compare;
using QuantBench.Analysis.Frames;
using QuantBench.Analysis.Gates;
using QuantBench.Cli.Composition;
using QuantBench.Core.Errors;
using QuantBench.Core.Gates;
using QuantBench.Results.Reading;
using QuantBench.Results.Store;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench gate</c>.</summary>
internal static class GateCommand
{
    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        Argument<string> run = ResultsCommand.RunArgument();
        run.DefaultValueFactory = _ => "latest";
        var rules = new Option<string?>(
            "--rules")
        {
            Description = "YAML file with gates:, a suite or not (default: the gates of the run's own suite)",
            HelpName = "FILE"
        };
        var baseline = new Option<string?>("--baseline")
        {
            Description = "the stored run that gates with vs: baseline are held against",
            HelpName = "RUN"
        };
        var junit = new Option<string?>("--junit") { Description = "also write JUnit XML for a CI server", HelpName = "FILE" };
        var summary = new Option<string?>(
            "--summary")
        { Description = "also append the Markdown summary to a file, e.g. $GITHUB_STEP_SUMMARY", HelpName = "FILE" };
        var output = new FrameOutput();
        var command = new Command("gate", "Judge a run by rules; exit code 3 when one is broken.") { run, rules, baseline, junit, summary };
        output.AddTo(command);
        command.SetAction(async (parsed, stop) =>
        {
            RunReader source = global.Environment(parsed).Runs;
            CandidateSet set = CandidateSet.Of(source.Load(parsed.GetRequiredValue(run)));
            ImmutableArray<GateRule> gates = parsed.GetValue(rules) is { } file
                ? GateReader.Load(file, Composition.Engines.All.Catalog)
                : GateReader.OfSuite(set.Run.Info.SuiteText, $"suite of {set.Run.Info.Id}", Composition.Engines.All.Catalog);
            if (gates.IsEmpty)
                throw new RequestException($"there are no gates to judge: the suite of run {set.Run.Info.Id} has none.",
                    "Add 'gates:' to the suite, or name a file of them: --rules gates.yaml");
            CandidateSet? before = parsed.GetValue(baseline) is { } stored ? CandidateSet.Of(source.Load(stored)) : null;
            using AggregateReader? store = before is null ? null : source.OpenHistory();
            GateReport report = GateJudge.Judge(set, gates, before, store is null ? null : new MachineHistory(store));
            await output.WriteAsync(parsed, () => GateText.Markdown(report), () => AnalysisFrames.Of(report), stop);
            if (parsed.GetValue(junit) is { } xml) await File.WriteAllTextAsync(xml, GateText.JUnit(report), stop);
            if (parsed.GetValue(summary) is { } markdown) await File.AppendAllTextAsync(markdown, GateText.Markdown(report), stop);
            return report.Passed ? ExitCode.Ok : ExitCode.GateBroken;
        });
        help.Add(command, """
            Examples:
              quantbench gate latest
              quantbench gate latest --rules gates.yaml --junit gates.xml --summary "$GITHUB_STEP_SUMMARY"
              quantbench gate latest --rules gates.yaml --baseline 20261120-0415

            gates:                                                        # in a suite, or in a file of its own
              - { variant: Q4_K_M, metric: perplexity, max: +2%, vs: gguf:F16 }
              - { variant: Q4_K_M, metric: tg_tps, min: 20 }
              - { variant: Q4_K_M, metric: rss_peak, max: 1GiB }
              - { metric: tg_tps, min: -3%, vs: baseline, unsure: pass }  # every variant; fails only when the interval shows it

            A figure whose interval lies on both sides of its limit is decided by its estimate, and the summary says so; 'unsure: pass' or
            'unsure: fail' decides otherwise. A gate without a figure fails. Exit codes: 0 kept, 3 broken.
            """);
        return command;
    }
}
