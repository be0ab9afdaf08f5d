using QuantBench.Cli.Commands;
using QuantBench.Cli.Composition;

namespace QuantBench.Cli;

/// <summary>The <c>quantbench</c> command.</summary>
public static class Program
{
    /// <summary>Runs the command.</summary>
    /// <param name="args">Arguments.</param>
    /// <returns>An exit code of <see cref="ExitCode"/>.</returns>
    public static Task<int> Main(string[] args)
    {
        ArgumentNullException.ThrowIfNull(args);
        // Before anything of the command line, the terminal library or the database is touched: a worker pays for none of them.
        return args switch
        {
            ["worker", ..] => Task.FromResult(Worker.Run()),
            ["beat"] => Worker.BeatAsync(),
            ["draw"] => Task.FromResult(Worker.Draw()),
            _ => QuantBenchCommand.RunAsync(args, Console.Out, Console.Error),
        };
    }
}
