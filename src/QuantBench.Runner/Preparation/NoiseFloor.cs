using QuantBench.Core.Cells;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Settings;
using QuantBench.Inference.Evaluators;
using QuantBench.Runner.Workers;

namespace QuantBench.Runner.Preparation;

/// <summary>
/// Measures what a reference's own arithmetic is worth: its weights are run once more, by an engine that rounds what passes from layer to
/// layer, and held against it. Kept beside the reference, so that it is measured once.
/// </summary>
/// <param name="environment">Where things lie.</param>
internal sealed class NoiseFloor(RunnerEnvironment environment)
{
    // The floor is an order of magnitude, and must not cost more than what it is to judge.
    private const int MostChunks = 2;

    private static readonly TimeSpan s_most = TimeSpan.FromSeconds(60);

    private EngineProbe? _probe;

    /// <summary>Whether a reference's floor is still to be measured.</summary>
    /// <param name="reference">Path of the reference's file.</param>
    public bool IsMissing(string reference) => Engine is not null && !File.Exists(reference + ReferenceFloor.Suffix);

    /// <summary>Measures it, or writes why it can't be.</summary>
    /// <param name="referenceCell">The cell that the reference was computed for, with the reference's variant and settings.</param>
    /// <param name="artifact">The reference's artifact.</param>
    /// <param name="text">The text.</param>
    /// <param name="reference">Path of the reference's file.</param>
    /// <param name="logPath">File for the worker's log.</param>
    /// <param name="cancellationToken">Stops.</param>
    public async Task MeasureAsync(Cell referenceCell, WorkerArtifact artifact, WorkerText text, string reference, string logPath,
        CancellationToken cancellationToken)
    {
        if (Engine is not { LayerRounding: { } rounding } engine) return;
        _probe ??= await new EngineProber(environment).ProbeAsync(engine.Name, cancellationToken);
        ReferenceFloor floor = Usable(engine, _probe) is { } device
            ? await MeasureAsync(new BackendId(engine.Name, device), rounding, referenceCell, artifact, text, reference, logPath,
                cancellationToken)
            : new ReferenceFloor(null, 0, "", $"{engine.Name} has no device that can be used here");
        try
        {
            floor.Write(reference);
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            // The reference is there; its floor is measured again another time.
        }
    }

    private EngineFacts? Engine => environment.Engines.Catalog.Engines.FirstOrDefault(e => e.LayerRounding is not null);

    // The device that examples name, else the last one: engines list their devices from the plainest on.
    private static string? Usable(EngineFacts engine, EngineProbe probe) => probe.CanUse(engine.UsualDevice).IsSupported
        ? engine.UsualDevice : probe.Devices.LastOrDefault(d => d.Refused is null)?.Id;

    private async Task<ReferenceFloor> MeasureAsync(BackendId backend, CellSettings rounding, Cell referenceCell, WorkerArtifact artifact,
        WorkerText text, string reference, string logPath, CancellationToken cancellationToken)
    {
        long chunks = referenceCell.Settings.Int("chunks");
        CellSettings settings = referenceCell.Settings.Without("divergences").With(rounding)
            .With("chunks", chunks == 0 ? MostChunks : Math.Min(chunks, MostChunks));
        WorkerJob job = environment.NewJob(WorkerJobKind.Cell, backend.Engine) with
        {
            Cell = WorkerCell.Of(new Cell(referenceCell.Model, referenceCell.Variant, backend, referenceCell.Workload, settings)),
            Artifact = artifact,
            Text = text,
            ReferencePath = reference,
        };
        WorkerOutcome outcome = await new WorkerProcess(environment.Worker, environment.Clock).RunAsync(
            job, new WorkerLimits(s_most), logPath, new Progress<EvaluationProgress>(), cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        return outcome.Match(
            finished: f => f.Value.Metrics.FirstOrDefault(m => m.Name == Core.Metrics.MetricTable.MeanDivergence.Name) is { } kl
                ? new ReferenceFloor(kl.Value, kl.N ?? 0, f.Value.Provenance.GetValueOrDefault("engine_build", backend.ToString()), null)
                : new ReferenceFloor(null, 0, "", f.Value.Unsupported ?? f.Value.Failed ?? $"{backend} gave no divergence"),
            failed: f => new ReferenceFloor(null, 0, "", QuantBenchException.Explain(f.Reason, f.Hint)),
            cancelled: () => throw new OperationCanceledException(cancellationToken));
    }
}
