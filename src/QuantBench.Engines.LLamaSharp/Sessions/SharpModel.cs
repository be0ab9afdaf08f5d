using System.Collections.Immutable;
using System.Text;
using LLama.Exceptions;
using LLama.Native;
using QuantBench.Core.Errors;
using QuantBench.Engines.LlamaCpp.Native;
using QuantBench.Engines.LlamaCpp.Sessions;
using QuantBench.Engines.LLamaSharp.Native;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.LLamaSharp.Sessions;

/// <summary>A GGUF file loaded through LLamaSharp.</summary>
internal sealed unsafe class SharpModel : ILoadedModel, IEngineReport
{
    private SharpModel(LLamaSharpLibrary library, SafeLlamaModelHandle handle, SharpDevice device, NativeLogCapture capture)
    {
        (Library, Handle, Device) = (library, handle, device);
        WeightBuffers = capture.Buffers("model");
        DeviceUsed =
            device.IsHost || WeightBuffers.Any(b => b.BufferType.StartsWith(device.NativeName, StringComparison.Ordinal) && b.Bytes > 0)
            ? device.Id : "cpu";
    }

    /// <inheritdoc/>
    public int VocabularySize => Handle.Vocab.Count;

    /// <inheritdoc/>
    public long ParameterCount => checked((long)Handle.ParameterCount);

    /// <inheritdoc/>
    public int TrainedContextLength => Handle.ContextSize;

    /// <inheritdoc/>
    public string DeviceUsed { get; }

    /// <inheritdoc/>
    public ImmutableSortedDictionary<string, string> Facts =>
        ImmutableSortedDictionary<string, string>.Empty.Add("cpu_variant", Library.Level);

    /// <summary>The library it lives in.</summary>
    public LLamaSharpLibrary Library { get; }

    /// <summary>LLamaSharp's handle.</summary>
    public SafeLlamaModelHandle Handle { get; }

    /// <summary>The device that was asked for.</summary>
    public SharpDevice Device { get; }

    /// <summary>Weight buffers as the loader logged them.</summary>
    public IReadOnlyList<(string BufferType, long Bytes)> WeightBuffers { get; }

    /// <summary>Loads a file, memory-mapped, onto exactly one device.</summary>
    /// <param name="library">The library.</param>
    /// <param name="path">The file.</param>
    /// <param name="device">The device.</param>
    /// <param name="gpuLayers">Layers on it; −1 = all.</param>
    /// <param name="cancellationToken">Stops loading.</param>
    /// <param name="allocates">Whether weights are loaded; without, sizes can be asked for and nothing computed.</param>
    /// <exception cref="ModelFormatException">llama.cpp blames the file.</exception>
    /// <exception cref="UnsupportedException">llama.cpp has no code for its architecture or tokenizer.</exception>
    /// <exception cref="EngineException">llama.cpp refused for another reason.</exception>
    public static SharpModel Load(LLamaSharpLibrary library, string path, SharpDevice device, int gpuLayers,
        CancellationToken cancellationToken, bool allocates = true)
    {
        nint* devices = stackalloc nint[2];
        devices[0] = device.IsHost ? 0 : device.Handle;
        devices[1] = 0;
        LLamaModelParams parameters = LLamaModelParams.Default();
        parameters.devices = devices;
        parameters.n_gpu_layers = device.IsHost ? 0 : gpuLayers;
        parameters.load_mode = allocates ? LLamaLoadMode.MemoryMap : LLamaLoadMode.None;
        parameters.no_alloc = !allocates;
        parameters.progress_callback = (_, _) => !cancellationToken.IsCancellationRequested;
        using NativeLogCapture capture = library.Log.Capture();
        try
        {
            return new SharpModel(library, SafeLlamaModelHandle.LoadFromFile(path, parameters), device, capture);
        }
        catch (Exception e) when (e is LoadWeightsFailedException or RuntimeError)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw LlamaModel.Refused(path, capture);
        }
        finally
        {
            GC.KeepAlive(parameters.progress_callback);
        }
    }

    /// <summary>A value of the model's metadata as text, or null.</summary>
    public string? Metadata(string key) => Handle.MetadataValueByKey(key) is { } value ? Encoding.UTF8.GetString(value.Span) : null;

    /// <inheritdoc/>
    public ImmutableArray<string> Finish() => [];

    /// <inheritdoc/>
    public IInferenceSession CreateSession(SessionOptions options) => SharpSession.Create(this, options);

    /// <inheritdoc/>
    public void Dispose() => Handle.Dispose();
}
