using QuantBench.Engines.LlamaCpp.Native;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.LlamaCpp.Sessions;

/// <summary>
/// What llama.cpp will take: it loads a file's header and makes a context without allocating anything (<c>no_alloc</c>), and logs the
/// cache and the compute buffers that it would make. Of weights it then tells nothing; those follow from the file
/// (<see cref="PlannedWeights"/>).
/// </summary>
internal static class LlamaMemoryPlan
{
    /// <summary>Plans a session.</summary>
    /// <param name="library">The library.</param>
    /// <param name="path">The file.</param>
    /// <param name="device">The device.</param>
    /// <param name="gpuLayers">Layers on it; −1 = all.</param>
    /// <param name="options">The session.</param>
    /// <param name="logitRows">Most logits rows of one append.</param>
    /// <returns>The plan; null where llama.cpp refuses, of which it then says more when it is to do it.</returns>
    public static MemoryPlan? Of(LlamaLibrary library, string path, LlamaDevice device, int gpuLayers, SessionOptions options,
        int logitRows)
    {
        using LlamaModel model = LlamaModel.Load(library, path, device, gpuLayers, CancellationToken.None, allocates: false);
        if (NativeMethods.llama_model_has_encoder(model.Handle)) return null;
        llama_context_params parameters = SessionParameters.Create(model, options);
        using NativeLogCapture capture = library.Log.Capture();
        using SafeLlamaContext context = SafeLlamaContext.Create(model.Handle, parameters);
        return context.IsInvalid ? null : Of(path, device.IsHost ? null : device.NativeName, gpuLayers, library.CpuVariant, capture,
            (long)Math.Max(options.Sequences, logitRows) * model.VocabularySize * sizeof(float));
    }

    /// <summary>The plan that a dry run's log and the file make.</summary>
    /// <param name="path">The file.</param>
    /// <param name="device">ggml's name of the device; null = the CPU.</param>
    /// <param name="gpuLayers">Layers on it.</param>
    /// <param name="cpuVariant">Which of the CPU backends runs.</param>
    /// <param name="capture">What making the context logged.</param>
    /// <param name="outputBytes">Bytes of the output buffer.</param>
    public static MemoryPlan Of(string path, string? device, int gpuLayers, string cpuVariant, NativeLogCapture capture, long outputBytes)
    {
        using GgufReader file = GgufReader.Open(path);
        PlannedWeights weights = PlannedWeights.Of(file, device is null, gpuLayers, cpuVariant);
        IReadOnlyList<(string BufferType, long Bytes)> compute = capture.Buffers("compute");
        long cache = capture.CacheBytes;
        long? onDevice = device is null ? null : weights.DeviceBytes + (gpuLayers == 0 ? 0 : cache)
            + compute.Where(b => b.BufferType == device).Sum(b => b.Bytes);
        return new MemoryPlan(new EngineMemory(weights.Bytes, cache, compute.Sum(b => b.Bytes) + outputBytes, onDevice),
            weights.MappedBytes);
    }
}
