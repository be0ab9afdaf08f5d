using System.CommandLine;
using System.CommandLine.Invocation;
using QuantBench.Cli.Composition;
using QuantBench.Cli.Views;
using QuantBench.Core.Errors;

namespace QuantBench.Cli.Commands;

/// <summary>The command line: all commands, and what errors look like.</summary>
internal static class QuantBenchCommand
{
    /// <summary>Parses and runs.</summary>
    /// <param name="args">Arguments.</param>
    /// <param name="output">Standard output.</param>
    /// <param name="error">Standard error.</param>
    /// <returns>An exit code of <see cref="ExitCode"/>.</returns>
    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error)
    {
        TextWriter terminal = error;
        (output, error) = (new PlainWriter(output), new CalledAsWriter(new PlainWriter(error)));
        RootCommand root = Build();
        // A value may begin with @: '--cron @daily', '--tag @team'.
        ParseResult parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0 && parsed.Action is (null or ParseErrorAction))
        {
            string command = string.Join(' ', CommandPath(parsed.CommandResult.Command));
            // A word nobody knows explains the errors that follow from it.
            string? unknown = parsed.UnmatchedTokens.Count > 0 ? parsed.UnmatchedTokens[0] : null;
            IEnumerable<string> known = parsed.CommandResult.Command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name)
                .Concat(parsed.CommandResult.Command.Options.Select(o => o.Name));
            error.WriteLine(unknown is null ? $"error: {parsed.Errors[0].Message}" : $"error: '{command}' doesn't know '{unknown}'");
            string[] near = unknown is null ? [] : DidYouMean.Nearest(unknown, known);
            error.WriteLine($"hint: {(near.Length == 0 ? "" : $"did you mean '{near[0]}'? ")}see '{command} --help'");
            return ExitCode.Usage;
        }

        using var interrupt = new Interrupt(terminal);
        var configuration = new InvocationConfiguration
        {
            Output = output,
            Error = error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null, // Ctrl-C is handled here
        };
        try
        {
            return await parsed.InvokeAsync(configuration, interrupt.Token);
        }
        catch (OperationCanceledException) when (interrupt.Token.IsCancellationRequested)
        {
            return ExitCode.Interrupted;
        }
        catch (Exception e) when (Environment.GetEnvironmentVariable("QUANTBENCH_DEBUG") != "1")
        {
            return Explain(e, error);
        }
    }

    /// <summary>All commands.</summary>
    internal static RootCommand Build()
    {
        var root = new RootCommand(
            "QuantBench measures quality, speed and memory of a language model at every quantization level, on this machine.");
        var global = new GlobalOptions();
        global.AddTo(root);
        HelpTexts help = HelpTexts.Install(root);
        help.Add(root, $"""
            Examples:
              quantbench doctor                        what this machine can run, and what is missing
              quantbench init ~/models/My-Model-1B     write a suite for a model, with what fits this machine
              quantbench run suites/quick.yaml         measure; ends with a table and a report
              quantbench resume latest                 go on with a run that was stopped
              quantbench compare RUN-A RUN-B           what changed between two runs
              quantbench dashboard                     the same in the browser
              quantbench recommend latest --profile laptop    what to ship, and why the others lost

            {ExitCode.Help}
            """);
        root.Subcommands.Add(RunCommand.Build(global, help));
        root.Subcommands.Add(ResumeCommand.Build(global, help));
        root.Subcommands.Add(InitCommand.Build(global, help));
        root.Subcommands.Add(DoctorCommand.Build(global, help));
        root.Subcommands.Add(SuitesCommand.Build(global, help));
        root.Subcommands.Add(ModelsCommand.Build(global, help));
        root.Subcommands.Add(DatasetsCommand.Build(global, help));
        root.Subcommands.Add(KernelsCommand.Build(global, help));
        foreach (Command list in ListCommands.Build(global)) root.Subcommands.Add(list);
        root.Subcommands.Add(ResultsCommand.Build(global, help));
        root.Subcommands.Add(CompareCommand.Build(global, help));
        root.Subcommands.Add(ParetoCommand.Build(global, help));
        root.Subcommands.Add(RecommendCommand.Build(global, help));
        root.Subcommands.Add(GateCommand.Build(global, help));
        root.Subcommands.Add(TrendCommand.Build(global, help));
        root.Subcommands.Add(ClaimsCommand.Build(global, help));
        root.Subcommands.Add(FrameCommand.Build(global, help));
        root.Subcommands.Add(ReportCommand.Build(global, help));
        root.Subcommands.Add(DashboardCommand.Build(global, help));
        root.Subcommands.Add(ServeCommand.Build(global, help));
        root.Subcommands.Add(AgentCommand.Build(global, help));
        root.Subcommands.Add(AgentCommand.BuildSync(global, help));
        root.Subcommands.Add(LabCommand.Build(global, help));
        root.Subcommands.Add(ScheduleCommand.Build(global, help));
        root.Subcommands.Add(AccountsCommand.Build(global, help));
        root.Subcommands.Add(KeysCommand.Build(global, help));
        root.Subcommands.Add(CompletionCommand.Build(help));
        root.Subcommands.Add(new Command("worker", "one job in a process of its own; started by 'run'") { Hidden = true });
        CompletionCommand.AddNames(root);
        return root;
    }

    /// <summary>Prints an error as users see it.</summary>
    internal static int Explain(Exception e, TextWriter error)
    {
        error.WriteLine(
            $"error: {(e is QuantBenchException || DiskFault.Is(e) ? e.Message : $"{e.Message} "
                + $"({e.GetType().Name}; a fault in QuantBench)")}");
        string? hint = e is QuantBenchException known ? known.Hint : "QUANTBENCH_DEBUG=1 shows where it came from.";
        if (hint is not null) error.WriteLine($"hint: {hint}");
        if (e is SuiteException { Others: { IsEmpty: false } others })
        {
            foreach (SuiteException other in others)
            {
                error.WriteLine($"error: {other.Message}");
                if (other.Hint is { } next) error.WriteLine($"hint: {next}");
            }
        }

        return e switch
        {
            EngineException => ExitCode.Unavailable,
            _ when e is StoreException || DiskFault.Is(e) => ExitCode.InputOutput,
            QuantBenchException => ExitCode.BadInput,
            _ => ExitCode.Internal,
        };
    }

    private static IEnumerable<string> CommandPath(Command command)
    {
        Command? parent = command.Parents.OfType<Command>().FirstOrDefault();
        return parent is null ? [CalledAs.Name] : [.. CommandPath(parent), command.Name];
    }
}
