using QuantBench.Inference.Engines;
using QuantBench.Runner.Workers;

namespace QuantBench.Cli.Composition;

/// <summary>
/// What this installation is made of: the composition root. To add an engine: a project reference and one line in <see cref="Engines"/>.
/// </summary>
internal static class Installation
{
    /// <summary>The engines.</summary>
    public static EngineRegistry Engines { get; } = new([]);

    /// <summary>What workers are made of.</summary>
    public static WorkerServices WorkerServices { get; } = new()
    {
        Engines = Engines,
        Builders = [],
        Evaluator = _ => null,
        ComputeReference = (_, _, _) => { },
        Describe = _ => (0, 0),
        Machine = () => null!,
        Clock = TimeProvider.System,
    };

    /// <summary>How a worker is started: this very program.</summary>
    public static WorkerCommand WorkerCommand { get; } = MakeWorkerCommand();

    private static WorkerCommand MakeWorkerCommand()
    {
        string own = Environment.ProcessPath ?? "quantbench";
        // Under `dotnet quantbench.dll` the process is dotnet's; the program is the assembly.
        return Path.GetFileNameWithoutExtension(own) == "dotnet"
            ? new WorkerCommand(own, [Path.Combine(AppContext.BaseDirectory, "quantbench.dll"), "worker"])
            : new WorkerCommand(own, ["worker"]);
    }
}
