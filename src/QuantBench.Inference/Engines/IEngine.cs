using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Core.Settings;

namespace QuantBench.Inference.Engines;

/// <summary>
/// Code that runs models or kernels. What it can do are contracts of their own (<see cref="ILogitsEngine"/>, <see cref="ITensorEngine"/>,
/// <see cref="Kernels.IKernelEngine"/>); whoever needs one asks for it. Engines are used from one thread at a time.
/// </summary>
public interface IEngine : IDisposable
{
    /// <summary>Name in backend ids.</summary>
    string Name { get; }

    /// <summary>What exactly runs: version, commit, compiled-in options; part of every timing's comparability.</summary>
    string Build { get; }

    /// <summary>Why it is this build, where there are several; null where there is one.</summary>
    string? Choice => null;

    /// <summary>Every device this engine could use, supported or not. No lasting side effects.</summary>
    ImmutableArray<EngineDevice> Devices();
}

/// <summary>A device of an engine.</summary>
/// <param name="Id">Device id within the engine: <c>cpu</c>, <c>cuda:0</c>, <c>vulkan:0</c>.</param>
/// <param name="Description">What the device calls itself.</param>
/// <param name="Support">Whether it can be used, or why not.</param>
/// <param name="MemoryTotalBytes">Memory of the device, if known.</param>
/// <param name="MemoryFreeBytes">Free memory of the device, if known.</param>
public sealed record EngineDevice(string Id, string Description, Support Support, long? MemoryTotalBytes = null,
    long? MemoryFreeBytes = null);

/// <summary>How weights are loaded.</summary>
public sealed record LoadOptions
{
    /// <summary>CPU threads for loading and computing; at least 1.</summary>
    public required int Threads { get; init; }

    /// <summary>Layers kept on the device; −1 = all. Ignored on the CPU.</summary>
    public int GpuLayers { get; init; } = -1;

    /// <summary>Whether the caller works on all cores between two computations: idle threads should then sleep at once instead of
    /// spinning.</summary>
    public bool CallerComputesBetweenRuns { get; init; }

    /// <summary>The cell's settings: an engine reads those that are its own, which its registration lists.</summary>
    public CellSettings Settings { get; init; } = CellSettings.Empty;

    /// <summary>Told the name of a piece of code before it is compiled for the device, which can take seconds at its first use; null =
    /// nobody asks.</summary>
    public Action<string>? Compiling { get; init; }

    /// <summary>Folder for files that a setting asks the engine to leave beside the result, e.g. a profile; null = none. Made by who writes
    /// the first one.</summary>
    public string? OutputFolder { get; init; }
}

/// <summary>A model in memory.</summary>
public interface ILoadedModel : IDisposable
{
    /// <summary>Number of logits per position.</summary>
    int VocabularySize { get; }

    /// <summary>Number of weights.</summary>
    long ParameterCount { get; }

    /// <summary>Context length the model was trained for, in tokens.</summary>
    int TrainedContextLength { get; }

    /// <summary>The device the weights are really on, as the engine reports it after loading.</summary>
    string DeviceUsed { get; }

    /// <summary>Makes a session with an empty KV cache.</summary>
    /// <param name="options">Its sizes and settings.</param>
    /// <exception cref="QuantBench.Core.Errors.UnsupportedException">The engine has no code for it, e.g. for a KV-cache type that the
    /// model's head size doesn't fit.</exception>
    /// <exception cref="QuantBench.Core.Errors.EngineException">The engine refused.</exception>
    IInferenceSession CreateSession(SessionOptions options);
}

/// <summary>Sizes and settings of a session.</summary>
public sealed record SessionOptions
{
    /// <summary>Tokens each sequence can hold.</summary>
    public required int ContextLength { get; init; }

    /// <summary>Sequences that can be held at once.</summary>
    public int Sequences { get; init; } = 1;

    /// <summary>Most tokens of one <see cref="IInferenceSession.Append"/>.</summary>
    public int BatchTokens { get; init; } = 2048;

    /// <summary>Most tokens computed at once.</summary>
    public int MicroBatchTokens { get; init; } = 512;

    /// <summary>CPU threads; at least 1.</summary>
    public required int Threads { get; init; }

    /// <summary>Type of the KV cache as the setting <c>kv_type</c> spells it.</summary>
    public string KvType { get; init; } = "f16";

    /// <summary>Type of the values in the KV cache; null = as the keys'.</summary>
    public string? KvTypeOfValues { get; init; }

    /// <summary><c>auto</c>, <c>on</c> or <c>off</c>.</summary>
    public string FlashAttention { get; init; } = "auto";

    /// <summary>
    /// Whether the caller works on all cores between two appends (scoring logits): the engine's idle threads should then sleep at once
    /// instead of spinning for the next append.
    /// </summary>
    public bool CallerComputesBetweenAppends { get; init; }
}

/// <summary>Token sequences with their KV cache. Not thread-safe.</summary>
public interface IInferenceSession : IDisposable
{
    /// <summary>
    /// Appends the batch's tokens to their sequences and computes the wanted logits; returns when they can be read. Positions follow from
    /// what each sequence already holds.
    /// </summary>
    /// <param name="batch">1 to <see cref="SessionOptions.BatchTokens"/> tokens; within one sequence in order.</param>
    /// <param name="cancellationToken">Aborts the computation as soon as the engine can; the session is then only fit to be
    /// disposed.</param>
    /// <exception cref="QuantBench.Core.Errors.EngineException">The engine failed, e.g. the sequence would outgrow its context.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    void Append(TokenBatch batch, CancellationToken cancellationToken);

    /// <summary>Logits of the last <see cref="Append"/>: row i belongs to the i-th token that wanted them.</summary>
    /// <param name="row">0 to <see cref="TokenBatch.LogitRows"/> − 1.</param>
    /// <returns>[vocabulary size], unnormalised; valid until the next call on this session.</returns>
    ReadOnlySpan<float> Logits(int row);

    /// <summary>Empties every sequence.</summary>
    void Reset();

    /// <summary>Cuts a sequence back to its first tokens, so that a prefilled prefix can be used again.</summary>
    /// <param name="sequence">Sequence number.</param>
    /// <param name="length">Tokens to keep.</param>
    void Truncate(int sequence, int length);

    /// <summary>Memory the engine reports now.</summary>
    EngineMemory Memory { get; }
}

/// <summary>Memory an engine reports for a session and its model, in bytes.</summary>
/// <param name="WeightsBytes">Weights, repacked copies included.</param>
/// <param name="KvCacheBytes">KV cache.</param>
/// <param name="ComputeBytes">Compute and output buffers.</param>
/// <param name="DeviceBytes">What of all this lies on a device other than the host; null when the host is the device.</param>
public readonly record struct EngineMemory(long WeightsBytes, long KvCacheBytes, long ComputeBytes, long? DeviceBytes);
