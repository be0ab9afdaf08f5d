using System.Collections.Immutable;
using QuantBench.Core.Suites;
using QuantBench.Runner.Workers;

namespace QuantBench.Lab.Agents.Edge;

/// <summary>What an agent is made of.</summary>
public sealed record AgentOptions
{
    /// <summary>The server.</summary>
    public required Uri Server { get; init; }

    /// <summary>The machine's key.</summary>
    public required string Key { get; init; }

    /// <summary>What the operator tells the machine by, beside what is found on it.</summary>
    public ImmutableArray<string> Labels { get; init; } = [];

    /// <summary>Directory that relative paths of suites start from.</summary>
    public required string SuitesDirectory { get; init; }

    /// <summary>Where things lie and what the runner is made of.</summary>
    public required RunnerEnvironment Environment { get; init; }

    /// <summary>Refuses a suite that starts programs or reads files elsewhere, unless an admin of this machine approved its text.</summary>
    public required Action<Suite> Permit { get; init; }

    /// <summary>Called with a completed run's folder, to write its report.</summary>
    public required Action<string> Finished { get; init; }

    /// <summary>How the process is started that renews leases.</summary>
    public required WorkerCommand Beat { get; init; }

    /// <summary>Most bytes of pulled models and artifacts in its cache; null = no limit.</summary>
    public long? CacheQuota { get; init; }

    /// <summary>Directory of models that machines share; null = none.</summary>
    public string? SharedModels { get; init; }

    /// <summary>Whether it takes jobs in whatever state the machine is.</summary>
    public bool AnyCondition { get; init; }

    /// <summary>Version of this program.</summary>
    public required string Version { get; init; }

    /// <summary>Receives what happens, a line each.</summary>
    public required Action<string> Say { get; init; }
}
