using QuantBench.Inference.Artifacts;

namespace QuantBench.Inference.Engines;

/// <summary>Optional ability of an engine that gives logits: says what a model and its session will take before either is made.</summary>
public interface IMemoryPlanner
{
    /// <summary>What loading and a session will take.</summary>
    /// <param name="artifact">What would be loaded; <see cref="ILogitsEngine.CanRun"/> has said yes.</param>
    /// <param name="device">Where to.</param>
    /// <param name="load">How.</param>
    /// <param name="session">Sizes of the session.</param>
    /// <param name="logitRows">Most logits rows of one append.</param>
    /// <returns>The plan; null where it can't be told for this artifact.</returns>
    /// <exception cref="QuantBench.Core.Errors.QuantBenchException">The file is broken, or the session isn't one that the engine
    /// makes.</exception>
    MemoryPlan? Plan(Artifact artifact, string device, LoadOptions load, SessionOptions session, int logitRows);
}
