using QuantBench.Core.Errors;
using QuantBench.Engines.Ilgpu.Devices;
using QuantBench.Engines.Ilgpu.Graph;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.Ilgpu;

/// <summary>A model whose weights are on a device.</summary>
/// <param name="device">Device id.</param>
/// <param name="memory">The device; disposed with this.</param>
/// <param name="kernels">Its kernels.</param>
/// <param name="weights">The weights; disposed with this.</param>
internal sealed class IlgpuModel(string device, DeviceMemory memory, GraphKernels kernels, DeviceWeights weights) : ILoadedModel
{
    /// <summary>The device.</summary>
    internal DeviceMemory Device => memory;

    /// <inheritdoc />
    public int VocabularySize => weights.VocabularySize;

    /// <inheritdoc />
    public long ParameterCount => weights.ParameterCount;

    /// <inheritdoc />
    public int TrainedContextLength => weights.Shape.ContextLength;

    /// <inheritdoc />
    public string DeviceUsed => device;

    /// <inheritdoc />
    public IInferenceSession CreateSession(SessionOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.ContextLength < 1 || options.Sequences < 1 || options.BatchTokens < 1 || options.MicroBatchTokens < 1)
        {
            throw new EngineException("ilgpu: context length, sequences and batch sizes must be at least 1.");
        }

        if (options.KvType != "f16" || options.KvTypeOfValues is not (null or "f16"))
        {
            string type = options.KvType == "f16" ? options.KvTypeOfValues! : options.KvType;
            throw new UnsupportedException("ilgpu", $"a KV cache of type '{type}' is not implemented.", "Set kv_type to f16.");
        }

        try
        {
            return new IlgpuSession(memory, kernels, weights, options);
        }
        catch (Exception e) when (e is not (OperationCanceledException or QuantBenchException))
        {
            throw memory.Failed(e, "making a session");
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        weights.Dispose();
        memory.Accelerator.Dispose();
    }
}
