using System.Collections.Immutable;
using System.CommandLine;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Decide;
using QuantBench.Analysis.Frames;
using QuantBench.Cli.Composition;
using QuantBench.Core.Engines;
using QuantBench.Core.Limits;
using QuantBench.Core.Profiles;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench recommend</c>.</summary>
internal static class RecommendCommand
{
    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        Argument<string> run = ResultsCommand.RunArgument();
        run.DefaultValueFactory = _ => "latest";
        var profile = new Option<string>(
            "--profile")
        {
            Description = "phone, tablet, laptop, desktop, workstation, server, research, or a YAML file",
            HelpName = "PROFILE",
            Required = true
        };
        var limits = new Option<string[]>("--limit")
        {
            Description = "set a limit of the profile; repeat for more",
            HelpName = "METRIC<=VALUE"
        };
        var output = new FrameOutput();
        var command = new Command("recommend", "Say what to ship for a target, which limit binds, and why the others lost.") { run, profile,
            limits };
        output.AddTo(command);
        command.SetAction(async (parsed, stop) =>
        {
            var environment = global.Environment(parsed);
            EngineCatalog engines = environment.Engines.Catalog;
            Profile target = ProfileReader.Load(SuiteFiles.Profile(environment.Root, parsed.GetRequiredValue(profile)), engines);
            foreach (string limit in parsed.GetValue(limits) ?? []) target = target.WithLimit(Bound.Parse(limit, engines));
            ImmutableArray<Recommendation> answers =
                Recommender.Recommend(CandidateSet.Of(environment.Runs.Load(parsed.GetRequiredValue(run))), target, engines);
            await output.WriteAsync(parsed, () => string.Join('\n', answers.Select(DecisionText.Markdown)),
                () => AnalysisFrames.Of(answers), stop);
            return answers.Any(a => a.Pick is not null) ? ExitCode.Ok : ExitCode.Nothing;
        });
        help.Add(command, """
            Examples:
              quantbench recommend latest --profile laptop
              quantbench recommend latest --profile phone --limit 'rss_peak<=1GiB' --limit 'tg_tps>=12'
              quantbench recommend 20261123 --profile my-profile.yaml --format json

            A profile has hard limits, those on quality among them, and says what it prefers among variants that keep them all: without
            'prefer' the smallest artifact, then the fastest. suites/profiles/ holds the built-in ones; copy one to begin your own:

              profile: my-profile
              limits: { rss_peak: { max: 2GiB }, tg_tps: { min: 10 }, ppl_rise: { max: 3% } }
              prefer: [tg_tps, artifact_size]            # the fastest; of those alike in that the smallest
              parameters: { min: 500M, max: 8B }         # models it is meant for; another gets a warning
              offline: true                              # no backend that needs a server
              licences: [mit, apache-2.0]                # with model_licences: { MODEL: mit }
            """);
        return command;
    }
}
