using System.Collections.Immutable;
using System.CommandLine;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Compare;
using QuantBench.Analysis.Frames;
using QuantBench.Analysis.Gates;
using QuantBench.Cli.Composition;
using QuantBench.Core.Errors;
using QuantBench.Core.Gates;
using QuantBench.Results.Folders;
using QuantBench.Results.Reading;
using QuantBench.Results.Store;
using QuantBench.Runner.Workers;

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
        var confirmation = new Confirmation();
        var output = new FrameOutput();
        var command = new Command("gate", "Judge a run by rules; exit code 3 when one is broken.") { run, rules, baseline, junit, summary };
        confirmation.AddTo(command);
        output.AddTo(command);
        command.SetAction(async (parsed, stop) =>
        {
            RunnerEnvironment environment = global.Environment(parsed);
            RunReader source = environment.Runs;
            bool confirms = confirmation.Times(parsed) is not null;
            CandidateSet set = CandidateSet.Of(source.Load(parsed.GetRequiredValue(run)));
            ImmutableArray<GateRule> gates = parsed.GetValue(rules) is { } file
                ? GateReader.Load(file, Composition.Engines.All.Catalog)
                : GateReader.OfSuite(set.Run.Info.SuiteText, $"suite of {set.Run.Info.Id}", Composition.Engines.All.Catalog);
            if (gates.IsEmpty)
                throw new RequestException($"there are no gates to judge: the suite of run {set.Run.Info.Id} has none.",
                    "Add 'gates:' to the suite, or name a file of them: --rules gates.yaml");
            CandidateSet? before = parsed.GetValue(baseline) is { } stored ? CandidateSet.Of(source.Load(stored)) : null;
            GateReport report = Judge(set, before);
            if (confirms && GateConfirmation.Suspects(report) is { IsEmpty: false } suspects)
            {
                ImmutableArray<(RunRecord? Other, RunRecord Own)> again = await confirmation.MeasureAsync(parsed, environment,
                    set.Run.Info.Id, GateConfirmation.Cells(set, suspects), stop);
                report = GateConfirmation.Apply(report,
                    [.. again.Select(a => Judge(CandidateSet.Of(a.Own), a.Other is { } other ? CandidateSet.Of(other) : before))],
                    again[0].Other is not null);
            }

            await output.WriteAsync(parsed, () => GateText.Markdown(report), () => AnalysisFrames.Of(report), stop);
            if (parsed.GetValue(junit) is { } xml) await File.WriteAllTextAsync(xml, GateText.JUnit(report), stop);
            if (parsed.GetValue(summary) is { } markdown) await File.AppendAllTextAsync(markdown, GateText.Markdown(report), stop);
            return report.Passed ? ExitCode.Ok : ExitCode.GateBroken;

            GateReport Judge(CandidateSet run, CandidateSet? against)
            {
                using AggregateReader? store = against is null ? null : source.OpenHistory();
                return GateJudge.Judge(run, gates, against, store is null ? null : new MachineHistory(store));
            }
        });
        help.Add(command, """
            Examples:
              quantbench gate latest
              quantbench gate latest --rules gates.yaml --junit gates.xml --summary "$GITHUB_STEP_SUMMARY"
              quantbench gate latest --rules gates.yaml --baseline 20261120-0415
              quantbench gate latest --baseline 20261120-0415 --confirm 3 --against ../quantbench-before

            gates:                                                        # in a suite, or in a file of its own
              - { variant: Q4_K_M, metric: perplexity, max: +2%, vs: gguf:F16 }
              - { variant: Q4_K_M, metric: tg_tps, min: 20 }
              - { variant: Q4_K_M, metric: rss_peak, max: 1GiB }
              - { metric: tg_tps, min: -3%, vs: baseline, unsure: pass }  # every variant; fails only when the interval shows it

            A figure whose interval lies on both sides of its limit is decided by its estimate, and the summary says so; 'unsure: pass' or
            'unsure: fail' decides otherwise. With --confirm N a broken gate on a timing has its cells measured N more times at once, with
            --against in turns with another build, whose run is then the baseline; it is broken when more than half of them break it.
            A gate without a figure fails. Exit codes: 0 kept, 3 broken.
            """);
        return command;
    }
}
