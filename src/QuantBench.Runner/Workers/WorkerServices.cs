using System.Collections.Immutable;
using QuantBench.Core.Variants;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;
using QuantBench.Inference.Evaluators;

namespace QuantBench.Runner.Workers;

/// <summary>What a worker is made of; handed in by the composition root.</summary>
public sealed record WorkerServices
{
    /// <summary>The engines.</summary>
    public required EngineRegistry Engines { get; init; }

    /// <summary>Builders that need no engine.</summary>
    public required ImmutableArray<IArtifactBuilder> Builders { get; init; }

    /// <summary>The evaluator of a workload, or null.</summary>
    public required Func<string, IWorkloadEvaluator?> Evaluator { get; init; }

    /// <summary>Computes reference log-probabilities into a file.</summary>
    public required Action<EvaluationContext, string, CancellationToken> ComputeReference { get; init; }

    /// <summary>Tensor bytes and number of weights of the artifact of a variant at a path.</summary>
    public required Func<Variant, string, (long WeightBytes, long ParameterCount)> Describe { get; init; }

    /// <summary>Makes the reader of this machine's state.</summary>
    public required Func<IMachineProbe> Machine { get; init; }

    /// <summary>The one clock.</summary>
    public required TimeProvider Clock { get; init; }
}
