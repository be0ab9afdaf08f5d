using QuantBench.Core.Errors;
using QuantBench.Inference.Artifacts;

namespace QuantBench.Inference.Engines;

/// <summary>
/// Ability of an engine: turns token ids into logits, in this process, by the weights of an artifact. Tokenization, timing and every metric
/// live outside, in the evaluators, so that figures of two engines differ only because the engines do.
/// </summary>
public interface ILogitsEngine
{
    /// <summary>Whether the artifact can be run on the device; reads the artifact's header at most.</summary>
    /// <param name="artifact">A file that exists.</param>
    /// <param name="device">A device id, e.g. <c>cpu</c>.</param>
    /// <exception cref="QuantBench.Core.Errors.ModelFormatException">The file is broken.</exception>
    Support CanRun(Artifact artifact, string device);

    /// <summary>Loads weights.</summary>
    /// <param name="artifact">What to load.</param>
    /// <param name="device">Where to; never another device than this one.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellationToken">Stops loading as soon as the engine can.</param>
    /// <exception cref="QuantBench.Core.Errors.UnsupportedException">The engine has no code for it.</exception>
    /// <exception cref="QuantBench.Core.Errors.EngineException">The engine refused; the message carries the engine's own words.</exception>
    /// <exception cref="QuantBench.Core.Errors.ModelFormatException">The file is broken.</exception>
    ILoadedModel Load(Artifact artifact, string device, LoadOptions options, CancellationToken cancellationToken);
}
