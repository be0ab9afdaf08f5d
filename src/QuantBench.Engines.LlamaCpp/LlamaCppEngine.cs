using System.Collections.Immutable;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Engines.LlamaCpp.Artifacts;
using QuantBench.Engines.LlamaCpp.Native;
using QuantBench.Engines.LlamaCpp.Sessions;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.LlamaCpp;

/// <summary>llama.cpp through its C API, in this process. Runs GGUF artifacts on whatever backends the native directory holds.</summary>
public sealed class LlamaCppEngine : IEngine, ILogitsEngine, ITokenizerEngine, IMemoryPlanner
{
    private readonly LlamaLibrary _library;
    private readonly IDisposable _listening;
    private readonly Action<string> _log;

    private LlamaCppEngine(LlamaLibrary library, Action<string> log)
    {
        _library = library;
        _log = log;
        _listening = library.Log.Listen(log);
    }

    /// <summary>This engine's line in the registry.</summary>
    public static EngineRegistration Registration { get; } = new(
        new EngineFacts(
            LlamaInstallation.EngineName,
            $"llama.cpp {LlamaInstallation.WantedRelease} through its C API: GGUF on CPU, CUDA, Vulkan or Metal", "cpu")
        {
            Formats = ["gguf"],
            Tokenizes = true,
            Check = SessionLimits.Check,
            Libraries =
            [
                new NativeLibrary(
                    "--llamacpp-dir", "DIR", $"directory with your own build of llama.cpp's libraries (or ${LlamaInstallation.Variable})",
                    "the llama.cpp directory", "Name the directory that holds libllama and libggml.")
                {
                    Variable = LlamaInstallation.Variable,
                    MayBeDirectory = true,
                },
            ],
        },
        Create,
        environment => [new LlamaQuantizeBuilder(environment), new LlamaImatrixBuilder(environment)]);

    /// <inheritdoc/>
    public string Name => LlamaInstallation.EngineName;

    /// <inheritdoc/>
    public string Build => _library.Build;

    /// <inheritdoc/>
    public string? Choice => _library.Installation.Choice;

    /// <summary>Finds and loads the native libraries and checks that they are the release the structs are written for.</summary>
    /// <param name="environment">Root of the installation, or the user's own directory under the key <c>llamacpp</c>.</param>
    /// <exception cref="EngineException">The libraries are missing, broken or another release's.</exception>
    public static LlamaCppEngine Create(EngineEnvironment environment)
    {
        ArgumentNullException.ThrowIfNull(environment);
        LlamaLibrary library = LlamaLibrary.Load(LlamaInstallation.Locate(environment));
        return new LlamaCppEngine(library, environment.Log);
    }

    /// <inheritdoc/>
    public ImmutableArray<EngineDevice> Devices()
    {
        _library.LoadAccelerators();
        return
        [
            .. LlamaDevice.Enumerate().Select(d =>
            {
                (long? free, long? total) = d.Memory();
                return new EngineDevice(d.Id, d.Description, Support.Yes, total, free);
            }),
        ];
    }

    /// <inheritdoc/>
    public Support CanRun(Artifact artifact, string device)
    {
        ArgumentNullException.ThrowIfNull(artifact);
        if (artifact.Variant.Format != "gguf") return Support.No($"llamacpp runs GGUF, not {artifact.Variant.Format}");
        if (Find(device) is null) return Support.No(NoDevice(device));
        return Support.Of(() =>
        {
            GgufHeader.Check(artifact.Path);
            return LlamaTensors.Refusal(artifact.Path) is { } reason ? Support.No(reason) : Support.Yes;
        });
    }

    /// <inheritdoc/>
    public ILoadedModel Load(Artifact artifact, string device, LoadOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(artifact);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Threads, 1);
        cancellationToken.ThrowIfCancellationRequested();
        GgufHeader.Check(artifact.Path);
        LlamaDevice found = Find(device) ?? throw new EngineException(NoDevice(device));
        _log($"llama.cpp loads {artifact.Path}");
        return LlamaModel.Load(_library, artifact.Path, found, options.GpuLayers, cancellationToken);
    }

    /// <inheritdoc/>
    public MemoryPlan? Plan(Artifact artifact, string device, LoadOptions load, SessionOptions session, int logitRows)
    {
        ArgumentNullException.ThrowIfNull(artifact);
        ArgumentNullException.ThrowIfNull(load);
        ArgumentNullException.ThrowIfNull(session);
        return Find(device) is { } found
            ? LlamaMemoryPlan.Of(_library, artifact.Path, found, load.GpuLayers, session, logitRows) : null;
    }

    /// <inheritdoc/>
    public IEngineTokenizer OpenTokenizer(string path)
    {
        GgufHeader.Check(path);
        return LlamaTokenizer.Load(_library, path);
    }

    /// <summary>Stops the log; the native libraries stay in the process.</summary>
    public void Dispose() => _listening.Dispose();

    private LlamaDevice? Find(string id)
    {
        if (id != "cpu") _library.LoadAccelerators();
        return LlamaDevice.Enumerate().Find(d => d.Id == id);
    }

    private string NoDevice(string id) =>
        $"llamacpp/{id}: the llama.cpp build in {_library.Installation.Directory} has no such device here; it has "
            + string.Join("; ", [string.Join(", ", LlamaDevice.Enumerate().Select(d => d.Id)), .. _library.AcceleratorFaults()]);
}
