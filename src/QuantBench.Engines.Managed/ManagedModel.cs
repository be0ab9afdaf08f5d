using QuantBench.Core.Errors;
using QuantBench.Engines.Managed.Graph;
using QuantBench.Engines.Managed.Kernels;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.Managed;

/// <summary>A memory-mapped model that this engine can run.</summary>
internal sealed class ManagedModel(PreparedWeights weights, KernelSet kernels, bool roundsLayers) : ILoadedModel
{
    /// <inheritdoc />
    public int VocabularySize => weights.VocabularySize;

    /// <inheritdoc />
    public long ParameterCount => weights.ParameterCount;

    /// <inheritdoc />
    public int TrainedContextLength => weights.Shape.ContextLength;

    /// <inheritdoc />
    public string DeviceUsed => kernels.Name;

    /// <inheritdoc />
    public IInferenceSession CreateSession(SessionOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.ContextLength < 1 || options.Sequences < 1 || options.BatchTokens < 1 || options.MicroBatchTokens < 1
            || options.Threads < 1)
        {
            throw new EngineException("managed: context length, sequences, batch sizes and threads must be at least 1.");
        }

        return new ManagedSession(weights, kernels, options, roundsLayers);
    }

    /// <inheritdoc />
    public void Dispose() => weights.Dispose();
}
