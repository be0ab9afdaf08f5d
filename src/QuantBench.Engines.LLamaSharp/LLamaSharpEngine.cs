using System.Collections.Immutable;
using System.Runtime.InteropServices;
using LLama.Native;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Engines.LLamaSharp.Native;
using QuantBench.Engines.LLamaSharp.Sessions;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.LLamaSharp;

/// <summary>
/// llama.cpp as .NET programs meet it: through LLamaSharp's API, on the native builds that come with its packages. GGUF files are made by
/// llama.cpp's own quantizer (engine <c>llamacpp</c>), which writes the same bytes on either build.
/// </summary>
public sealed class LLamaSharpEngine : IEngine, ILogitsEngine, ITokenizerEngine, IMemoryPlanner
{
    private const string EngineName = LLamaSharpLibrary.EngineName;

    private readonly LLamaSharpLibrary _library;
    private readonly IDisposable _listening;

    private LLamaSharpEngine(LLamaSharpLibrary library, Action<string> log)
    {
        _library = library;
        _listening = library.Log.Listen(log);
    }

    /// <summary>This engine's line in the registry.</summary>
    public static EngineRegistration Registration { get; } = new(
        new EngineFacts(EngineName,
            "llama.cpp through LLamaSharp " + LLamaSharpLibrary.Version + ": GGUF on CPU; Metal, CUDA or Vulkan by its further packages",
            "cpu")
        {
            Formats = ["gguf"],
            Tokenizes = true,
            Check = LlamaCpp.Sessions.SessionLimits.Check,
            Libraries =
            [
                new QuantBench.Core.Engines.NativeLibrary(
                    "--llamasharp-dir", "DIR",
                    $"directory with the native libraries of a LLamaSharp backend (or ${LLamaSharpLibrary.Variable})",
                    "the LLamaSharp directory", "Name the directory that holds libllama and libggml.")
                {
                    Variable = LLamaSharpLibrary.Variable,
                    MayBeDirectory = true,
                },
            ],
        },
        Create, _ => []);

    /// <inheritdoc/>
    public string Name => EngineName;

    /// <inheritdoc/>
    public string Build => _library.Build;

    /// <summary>Loads LLamaSharp's native libraries and checks that they are those it is written for.</summary>
    /// <param name="environment">Where the user's own directory may be named, under the key <c>llamasharp</c>.</param>
    /// <exception cref="EngineException">The libraries are missing, broken or another build's.</exception>
    public static LLamaSharpEngine Create(EngineEnvironment environment)
    {
        ArgumentNullException.ThrowIfNull(environment);
        return new LLamaSharpEngine(LLamaSharpLibrary.Load(environment), environment.Log);
    }

    /// <inheritdoc/>
    public ImmutableArray<EngineDevice> Devices()
    {
        var devices = ImmutableArray.CreateBuilder<EngineDevice>();
        foreach ((string id, string name, nint _) in Enumerate()) devices.Add(new EngineDevice(id, name, Support.Yes));
        return devices.ToImmutable();
    }

    /// <inheritdoc/>
    public Support CanRun(Artifact artifact, string device)
    {
        ArgumentNullException.ThrowIfNull(artifact);
        if (artifact.Variant.Format != "gguf") return Support.No($"{EngineName} runs GGUF, not {artifact.Variant.Format}");
        if (!Enumerate().Any(d => d.Id == device)) return Support.No(NoDevice(device));
        return Support.Of(() =>
        {
            LlamaCpp.Artifacts.GgufHeader.Check(artifact.Path);
            return LlamaCpp.Artifacts.LlamaTensors.Refusal(artifact.Path) is { } reason ? Support.No(reason) : Support.Yes;
        });
    }

    /// <inheritdoc/>
    public ILoadedModel Load(Artifact artifact, string device, LoadOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(artifact);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Threads, 1);
        cancellationToken.ThrowIfCancellationRequested();
        LlamaCpp.Artifacts.GgufHeader.Check(artifact.Path);
        (string id, string name, nint handle) = Enumerate().FirstOrDefault(d => d.Id == device);
        if (id is null) throw new EngineException(NoDevice(device));
        return SharpModel.Load(_library, artifact.Path, new SharpDevice(id, name, handle), options.GpuLayers, cancellationToken);
    }

    /// <inheritdoc/>
    public MemoryPlan? Plan(Artifact artifact, string device, LoadOptions load, SessionOptions session, int logitRows)
    {
        ArgumentNullException.ThrowIfNull(artifact);
        ArgumentNullException.ThrowIfNull(load);
        ArgumentNullException.ThrowIfNull(session);
        (string id, string name, nint handle) = Enumerate().FirstOrDefault(d => d.Id == device);
        if (id is null) return null;
        using SharpModel model = SharpModel.Load(_library, artifact.Path, new SharpDevice(id, name, handle), load.GpuLayers,
            CancellationToken.None, allocates: false);
        return SharpSession.Plan(model, artifact.Path, load.GpuLayers, session, logitRows);
    }

    /// <inheritdoc/>
    public IEngineTokenizer OpenTokenizer(string path)
    {
        LlamaCpp.Artifacts.GgufHeader.Check(path);
        return SharpTokenizer.Load(_library, path);
    }

    /// <summary>Stops the log; the native libraries stay in the process.</summary>
    public void Dispose() => _listening.Dispose();

    // ggml's own names are CPU, CUDA0, Vulkan0, Metal (or MTL0).
    private static IEnumerable<(string Id, string Name, nint Handle)> Enumerate()
    {
        nuint count = NativeApi.ggml_backend_dev_count();
        for (nuint i = 0; i < count; i++)
        {
            nint handle = NativeApi.ggml_backend_dev_get(i);
            string name = Marshal.PtrToStringUTF8(NativeApi.ggml_backend_dev_name(handle)) ?? "";
            string kind = name.TrimEnd("0123456789".ToCharArray());
            string? id = kind switch
            {
                "CPU" => "cpu",
                "CUDA" or "Vulkan" => $"{kind.ToLowerInvariant()}:{name[kind.Length..]}",
                "Metal" or "MTL" => "metal",
                _ => null, // accelerators that only help the CPU
            };
            if (id is not null) yield return (id, name, handle);
        }
    }

    private string NoDevice(string id) =>
        $"{EngineName}/{id}: LLamaSharp's build in {_library.Directory} has no such device here; it has "
            + $"{string.Join(", ", Enumerate().Select(d => d.Id))}";
}
