using System.Runtime.CompilerServices;
using QuantBench.Inference.Evaluators;
using QuantBench.Runner.Workers;
using QuantBench.TestKit;

namespace QuantBench.Runner.Tests.Workers;

/// <summary>A worker made of a shell script: what real ones do when they go wrong.</summary>
internal static class ScriptWorker
{
    /// <summary>A command that reads the job's line into <c>$job</c> and then runs a script.</summary>
    public static WorkerCommand Command(TemporaryDirectory folder, string script, [CallerMemberName] string name = "")
    {
        string path =
            folder.Write($"{name}.sh", System.Text.Encoding.UTF8.GetBytes($"IFS= read -r job\n{script.ReplaceLineEndings("\n")}\n"));
        return new WorkerCommand("/bin/sh", [path]);
    }

    public static WorkerJob Job() => new() { Kind = WorkerJobKind.Probe, Root = "/", Engine = "none" };

    public static async Task<WorkerOutcome> RunAsync(
        TemporaryDirectory folder, string script, WorkerLimits? limits = null, string? log = null,
        IProgress<EvaluationProgress>? progress = null,
        CancellationToken cancellationToken = default, [CallerMemberName] string name = "")
    {
        var process = new WorkerProcess(Command(folder, script, name), TimeProvider.System) { Grace = TimeSpan.FromMilliseconds(200) };
        return await process.RunAsync(Job(), limits ?? new WorkerLimits(TimeSpan.FromSeconds(60)), log,
            progress ?? new Progress<EvaluationProgress>(), cancellationToken);
    }
}
