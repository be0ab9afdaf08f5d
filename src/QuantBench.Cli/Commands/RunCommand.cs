using System.CommandLine;
using QuantBench.Cli.Composition;
using QuantBench.Core.Suites;
using QuantBench.Runner.Runs;
using QuantBench.Runner.Workers;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench run</c>.</summary>
internal static class RunCommand
{
    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        var suite = new Argument<string>("suite") { Description = "suite file, or the name of one in suites/" };
        var only = new Option<string[]>("--only") { Description = "keep cells that match; repeat to keep more", HelpName = "PATTERN" };
        Option<int?> threads = NumberOption.Whole("--threads", 1, 1024);
        threads.Description = "CPU threads of every cell, whatever the suite says";
        var tags = new Option<string[]>("--tag") { Description = "free label of the run; repeat for more", HelpName = "TEXT" };
        ViewOptions view = new();
        var command = new Command("run", "Measure a suite's cells, one worker process each, and write table, report and result folder.")
        {
            suite, only, threads, tags, global.Rehash, view.Json, view.Plain,
        };
        command.SetAction(async (parsed, stop) =>
        {
            RunnerEnvironment environment = global.Environment(parsed);
            Suite loaded =
                SuiteLoader.Load(SuiteFiles.Find(environment.Root, parsed.GetRequiredValue(suite)), environment.Engines.Catalog);
            var options = new RunOptions
            {
                Only = [.. parsed.GetValue(only) ?? []],
                Threads = parsed.GetValue(threads),
                Tags = [.. parsed.GetValue(tags) ?? []]
            };
            return await RunExecution.RunAsync(parsed, view, environment, (runner, token) => runner.RunAsync(loaded, options, token), stop);
        });
        help.Add(command, $"""
            Examples:
              quantbench run quick                                       suites/quick.yaml
              quantbench run suites/reference.yaml --only Q4_*           only variants, models, backends or workloads like Q4_*
              quantbench run my.yaml --only variant=Q4_K_M,workload=latency --threads 8
              quantbench run quick --json > events.jsonl                 one JSON object per event
              quantbench run quick --results /data/runs --tag nightly

            A suite's own gates: are judged at the end (exit code 3 when one is broken); those against a baseline by 'quantbench gate'.
            Cells are measured in the order 'quantbench suites validate FILE' prints. Ctrl-C stops after recording what is finished;
            a second Ctrl-C ends at once. Either way 'quantbench resume' goes on.

            {ExitCode.Help}
            """);
        return command;
    }
}
