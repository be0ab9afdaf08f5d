using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBench.Core.Errors;
using QuantBench.Engines.LlamaCpp.Native;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.LlamaCpp.Sessions;

/// <summary>A GGUF file loaded by llama.cpp.</summary>
internal sealed unsafe class LlamaModel : ILoadedModel, IEngineReport
{
    private const string TruncatedHint =
        "The file is truncated or damaged; compare its SHA-256 with its source's and build or fetch it again.";

    // Words of llama.cpp's loader that blame the file rather than the machine.
    private static readonly string[] s_fileFaults =
    [
        "not within the file bounds", "corrupted or incomplete", "invalid magic", "failed to read", "gguf_init", "duplicated tensor",
        "key not found", "missing tensor", "wrong shape",
    ];

    // llama.cpp's words for what it has no code for.
    private static readonly string[] s_missingAbilities =
        ["unknown model architecture", "unsupported model architecture", "unknown pre-tokenizer type", "unknown tokenizer"];

    private LlamaModel(LlamaLibrary library, SafeLlamaModel handle, LlamaDevice device, NativeLogCapture capture)
    {
        Library = library;
        Handle = handle;
        Device = device;
        VocabularySize = NativeMethods.llama_vocab_n_tokens(NativeMethods.llama_model_get_vocab(handle));
        ParameterCount = checked((long)NativeMethods.llama_model_n_params(handle));
        TrainedContextLength = NativeMethods.llama_model_n_ctx_train(handle);
        WeightBuffers = capture.Buffers("model");
        DeviceUsed =
            device.IsHost || WeightBuffers.Any(b => b.BufferType.StartsWith(device.NativeName, StringComparison.Ordinal) && b.Bytes > 0)
                ? device.Id : "cpu";
    }

    /// <inheritdoc/>
    public int VocabularySize { get; }

    /// <inheritdoc/>
    public long ParameterCount { get; }

    /// <inheritdoc/>
    public int TrainedContextLength { get; }

    /// <inheritdoc/>
    public string DeviceUsed { get; }

    /// <inheritdoc/>
    public ImmutableSortedDictionary<string, string> Facts => Library.CpuVariant.Length > 0
        ? ImmutableSortedDictionary<string, string>.Empty.Add("cpu_variant", Library.CpuVariant)
        : ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>The library it lives in.</summary>
    public LlamaLibrary Library { get; }

    /// <summary>The native model.</summary>
    public SafeLlamaModel Handle { get; }

    /// <summary>The device that was asked for.</summary>
    public LlamaDevice Device { get; }

    /// <summary>Weight buffers as the loader logged them; on the CPU the mapped file (<c>CPU_Mapped</c>) and repacked copies
    /// (<c>CPU_REPACK</c>).</summary>
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
    public static LlamaModel Load(LlamaLibrary library, string path, LlamaDevice device, int gpuLayers, CancellationToken cancellationToken,
        bool allocates = true)
    {
        // A null-terminated list. Empty for the CPU: with no list at all llama.cpp takes every accelerator it finds.
        nint* devices = stackalloc nint[2];
        devices[0] = device.IsHost ? 0 : device.Handle;
        devices[1] = 0;
        llama_model_params parameters = NativeParameters.Model();
        parameters.devices = (nint)devices;
        parameters.n_gpu_layers = device.IsHost ? 0 : gpuLayers;
        parameters.load_mode = allocates ? llama_load_mode.MMAP : llama_load_mode.NONE;
        parameters.no_alloc = allocates ? (byte)0 : (byte)1;
        GCHandle token = GCHandle.Alloc(cancellationToken);
        using NativeLogCapture capture = library.Log.Capture();
        try
        {
            parameters.progress_callback = (nint)(delegate* unmanaged<float, nint, byte>)&OnProgress;
            parameters.progress_callback_user_data = GCHandle.ToIntPtr(token);
            SafeLlamaModel handle = NativeParameters.Load(path, parameters);
            if (handle.IsInvalid)
            {
                handle.Dispose();
                cancellationToken.ThrowIfCancellationRequested();
                throw Refused(path, capture);
            }

            return new LlamaModel(library, handle, device, capture);
        }
        finally
        {
            token.Free();
        }
    }

    /// <summary>A value of the model's metadata as text, or null.</summary>
    public string? Metadata(string key)
    {
        const int Size = 256;
        byte* text = stackalloc byte[Size];
        return NativeMethods.llama_model_meta_val_str(Handle, key, text, Size) < 0 ? null : NativeText.Read(text);
    }

    /// <inheritdoc/>
    public IInferenceSession CreateSession(SessionOptions options) => LlamaSession.Create(this, options);

    /// <inheritdoc/>
    public ImmutableArray<string> Finish() => [];

    /// <inheritdoc/>
    public void Dispose() => Handle.Dispose();

    internal static QuantBenchException Refused(string path, NativeLogCapture capture)
    {
        string words = capture.Words;
        if (words.Contains("wrong number of tensors", StringComparison.Ordinal))
        {
            return new UnsupportedException(path, $"it has tensors that llama.cpp doesn't know for its architecture: {words}",
                "A newer llama.cpp may read it.");
        }

        if (words.Contains("::at", StringComparison.Ordinal) && words.Contains("vocabulary", StringComparison.Ordinal))
        {
            return new ModelFormatException(path, null, "llama.cpp looks for special tokens by the model's name, and they aren't there.",
                "Its name ('general.name') holds phi-3 or phi3: change it, or convert the model from its Hugging Face directory.");
        }

        if (s_missingAbilities.Any(f => words.Contains(f, StringComparison.Ordinal)))
            return new UnsupportedException(path, $"llama.cpp can't load it: {words}");
        return s_fileFaults.Any(f => words.Contains(f, StringComparison.Ordinal))
            ? new ModelFormatException(path, null, $"llama.cpp can't load it: {words}", TruncatedHint)
            : new EngineException($"llama.cpp can't load {path}: {words}");
    }

    [UnmanagedCallersOnly]
    private static byte OnProgress(float progress, nint token) =>
        GCHandle.FromIntPtr(token).Target is CancellationToken { IsCancellationRequested: true } ? (byte)0 : (byte)1;
}
