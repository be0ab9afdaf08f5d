using System.Runtime.InteropServices;
using QuantBench.Analysis.Plots;
using QuantBench.Lab.Agents.Edge;
using QuantBench.Runner.Workers;

namespace QuantBench.Cli.Composition;

/// <summary>The hidden <c>quantbench worker</c>, <c>quantbench draw</c> and <c>quantbench beat</c>: what is done in a process of its
/// own.</summary>
internal static class Worker
{
    /// <summary>Draws what standard input asks for, until it ends with the server.</summary>
    public static int Draw()
    {
        using PosixSignalRegistration ignored = PosixSignalRegistration.Create(PosixSignal.SIGINT, static context => context.Cancel = true);
        using Stream input = Console.OpenStandardInput();
        using var requests = new StreamReader(input);
        using Stream output = Console.OpenStandardOutput();
        using var answers = new StreamWriter(output);
        PlotProcess.Serve(requests, answers);
        return ExitCode.Ok;
    }

    /// <summary>Renews an agent's lease until standard input ends with the agent.</summary>
    public static async Task<int> BeatAsync()
    {
        using PosixSignalRegistration ignored = PosixSignalRegistration.Create(PosixSignal.SIGINT, static context => context.Cancel = true);
        using var input = new StreamReader(Console.OpenStandardInput());
        await using var output = new StreamWriter(Console.OpenStandardOutput());
        await new Beater(input, output, TimeProvider.System).RunAsync();
        return ExitCode.Ok;
    }

    /// <summary>Does the job on standard input.</summary>
    public static int Run()
    {
        // Ctrl-C reaches every process of the terminal; whether this one stops is its parent's decision.
        using PosixSignalRegistration ignored = PosixSignalRegistration.Create(PosixSignal.SIGINT, static context => context.Cancel = true);
        Stream output = WorkerIo.TakeStandardOutput() ?? Console.OpenStandardOutput();
        var gate = new Lock();
        using Stream error = Console.OpenStandardError();
        using var log = new StreamWriter(error) { AutoFlush = true };
        void Log(string line)
        {
            lock (gate) log.WriteLine(line);
        }

        using Stream input = Console.OpenStandardInput();
        int code = new WorkerHost(Installation.WorkerServices, Log).Run(input, output, static () => WorkerIo.ExitNow(1));
        output.Flush();
        // Native libraries may crash or wait in their exit handlers, and there is nothing left to save.
        WorkerIo.ExitNow(code);
        return code;
    }
}
