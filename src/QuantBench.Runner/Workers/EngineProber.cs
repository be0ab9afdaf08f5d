using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Inference.Evaluators;

namespace QuantBench.Runner.Workers;

/// <summary>What a probe found of an engine.</summary>
/// <param name="Name">Engine name.</param>
/// <param name="Description">One line about it.</param>
/// <param name="Build">What exactly runs; null when it can't be started.</param>
/// <param name="Devices">Its devices.</param>
/// <param name="Problem">Why it can't be started; null when it can.</param>
/// <param name="Hint">What would help.</param>
public sealed record EngineProbe(
    string Name, string Description, string? Build, ImmutableArray<ProbedDevice> Devices, string? Problem, string? Hint)
{
    /// <summary>Why it is this build, where there are several.</summary>
    public string? Choice { get; init; }

    /// <summary>Names of the block types whose kernels it can time one by one; empty for engines without that ability.</summary>
    public ImmutableArray<string> KernelTypes { get; init; } = [];

    /// <summary>Whether its devices are servers, which aren't listed.</summary>
    public bool IsRemote { get; init; }

    /// <summary>Whether the problem is that no answer came: the probe was killed, died or hung. That says nothing of the engine.</summary>
    public bool NoAnswer { get; init; }

    /// <summary>Whether a device of this engine can be used.</summary>
    /// <param name="device">Device id.</param>
    public Support CanUse(string device)
    {
        if (Problem is not null) return Support.No($"{Name}: {QuantBenchException.Explain(Problem, Hint)}");
        if (IsRemote) return Support.Yes; // any address may be a server; the cell finds out
        if (Devices.FirstOrDefault(d => d.Id == device) is not { } found)
        {
            string here = Devices.Length == 0 ? "none" : string.Join(", ", Devices.Select(d => d.Id));
            return Support.No($"{Name}: there is no device '{device}' here (devices: {here})");
        }

        return found.Refused is { } reason ? Support.No(reason) : Support.Yes;
    }
}

/// <summary>Asks engines for their build and devices, each in a worker of its own.</summary>
/// <param name="environment">Where things lie.</param>
public sealed class EngineProber(RunnerEnvironment environment)
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(60);

    /// <summary>Probes one engine.</summary>
    /// <param name="name">Engine name.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    public async Task<EngineProbe> ProbeAsync(string name, CancellationToken cancellationToken)
    {
        if (environment.Engines.Find(name) is not { } engine)
        {
            string known = string.Join(", ", environment.Engines.Registrations.Select(r => r.Name));
            return new EngineProbe(name, "", null, [], $"this installation has no engine '{name}' (engines: {known})", null);
        }

        WorkerOutcome outcome = await AskAsync(name, cancellationToken);
        // Killed by somebody else's shortage of memory, say: asked once more before a run's cells depend on it.
        if (outcome is WorkerOutcome.Failed { IsAnswer: false, Kind: not FailureKind.Timeout })
            outcome = await AskAsync(name, cancellationToken);
        return outcome.Match(
            finished: f =>
                new EngineProbe(name, engine.Facts.Description, f.Value.EngineBuild, [.. f.Value.Devices], f.Value.Unsupported, null)
                { KernelTypes = [.. f.Value.KernelTypes], Choice = f.Value.EngineChoice, IsRemote = engine.Facts.IsRemote },
            failed: f => new EngineProbe(name, engine.Facts.Description, null, [], f.Reason, f.Hint) { NoAnswer = !f.IsAnswer },
            cancelled: () => throw new OperationCanceledException(cancellationToken));
    }

    private Task<WorkerOutcome> AskAsync(string name, CancellationToken cancellationToken) =>
        new WorkerProcess(environment.Worker, environment.Clock).RunAsync(
            environment.NewJob(WorkerJobKind.Probe, name), new WorkerLimits(s_timeout), null, new Progress<EvaluationProgress>(),
            cancellationToken);
}
