using System.CommandLine;
using QuantBench.Cli.Composition;
using QuantBench.Results.Folders;
using QuantBench.Runner.Runs;
using QuantBench.Runner.Workers;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench resume</c>.</summary>
internal static class ResumeCommand
{
    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        var run = new Argument<string>("run")
        {
            Description = "'latest', a run's id or the beginning of one, or its folder",
            DefaultValueFactory = _ => "latest"
        };
        var retry = new Option<bool>("--retry-failed") { Description = "measure failed cells again" };
        var force = new Option<bool>("--force") { Description = "go on although the machine, an engine, a model or a text changed" };
        ViewOptions view = new();
        var command = new Command("resume", "Go on with a run that was stopped or died; finished cells aren't measured again.") { run,
            retry, force, global.Rehash, view.Json, view.Plain };
        command.SetAction(async (parsed, stop) =>
        {
            RunnerEnvironment environment = global.Environment(parsed);
            string folder = new RunCatalog(environment.ResultsRoot).Find(parsed.GetRequiredValue(run)).Path;
            var options = new RunOptions { RetryFailed = parsed.GetValue(retry), Force = parsed.GetValue(force) };
            return await RunExecution.RunAsync(parsed, view, environment, (runner, token) => runner.ResumeAsync(folder, options, token),
                stop);
        });
        help.Add(command, $"""
            Examples:
              quantbench resume                         the newest run
              quantbench resume 20261123-0415 --retry-failed

            The suite is the one the run recorded, not the file as it is now. When the machine, an engine build, a model or a text has
            changed since, the run's cells would no longer be comparable, so it refuses and says what changed; --force goes on all the same.

            {ExitCode.Help}
            """);
        return command;
    }
}
