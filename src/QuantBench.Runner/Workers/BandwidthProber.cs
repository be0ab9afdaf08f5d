using QuantBench.Core.Errors;
using QuantBench.Core.Runs;
using QuantBench.Inference.Evaluators;

namespace QuantBench.Runner.Workers;

/// <summary>Measures the machine's memory bandwidth in a worker of its own, so that its arrays are gone before anything else is
/// measured.</summary>
/// <param name="environment">Where things lie.</param>
public sealed class BandwidthProber(RunnerEnvironment environment)
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(60);

    /// <summary>Measures with all cores that this process may use; takes about a second.</summary>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="EngineException">It couldn't be measured.</exception>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    public async Task<MemoryBandwidth> MeasureAsync(CancellationToken cancellationToken)
    {
        WorkerOutcome outcome = await new WorkerProcess(environment.Worker, environment.Clock).RunAsync(
            environment.NewJob(WorkerJobKind.Bandwidth), new WorkerLimits(s_timeout), null, new Progress<EvaluationProgress>(),
            cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        return outcome.ResultOf("measuring the memory bandwidth").MemoryBandwidth
            ?? throw new EngineException("the worker measured no memory bandwidth");
    }
}
