using System.Collections.Immutable;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Engines.OnnxRuntime.Export;
using QuantBench.Engines.OnnxRuntime.Imports;
using QuantBench.Engines.OnnxRuntime.Models;
using QuantBench.Engines.OnnxRuntime.Native;
using QuantBench.Engines.OnnxRuntime.Providers;
using QuantBench.Engines.OnnxRuntime.Sessions;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.OnnxRuntime;

/// <summary>
/// ONNX models on ONNX Runtime. Devices are its execution providers: those compiled into the library that comes with the program (the CPU)
/// or into the one the user named, and those of provider libraries the user registered.
/// </summary>
public sealed class OnnxRuntimeEngine : IEngine, ILogitsEngine, ITensorEngine
{
    private readonly OrtLibrary _library;
    private readonly ProviderProbe _probe;
    private readonly Action<string> _log;

    private OnnxRuntimeEngine(EngineEnvironment environment)
    {
        _library = OrtLibrary.Load(environment);
        _probe = new ProviderProbe(_library, environment);
        _log = environment.Log;
        Build = _library.Path is null ? $"onnxruntime {_library.Version}"
            : $"onnxruntime {_library.Version}, {CommitOf(_library.Api.BuildInfo)}, the user's library";
    }

    /// <summary>The engine's line in the registry.</summary>
    public static EngineRegistration Registration { get; } = new(
        new EngineFacts(
            OrtLibrary.EngineName, "ONNX models on ONNX Runtime: CPU, and the execution providers of your own build (--ort-library)", "cpu")
        {
            Formats = ["onnx"],
            Settings = OrtSettingTable.All,
            Libraries =
            [
                new NativeLibrary(
                    "--ort-library", "PATH",
                    $"your own build of ONNX Runtime: its shared library, or the directory that holds it (or ${OrtLibrary.Variable})",
                    "the ONNX Runtime library",
                    "Name libonnxruntime.so (onnxruntime.dll, libonnxruntime.dylib), or the directory that holds it.")
                {
                    Variable = OrtLibrary.Variable,
                    MayBeDirectory = true,
                    MayBeFile = true,
                },
                new NativeLibrary(
                    "--ort-plugin", "NAME=PATH",
                    "library of an ONNX Runtime execution provider to register, e.g. cuda=/opt/libonnxruntime_providers_cuda.so; may be "
                        + "given several times",
                    "the execution-provider library", "Name the provider's shared library.")
                {
                    MayBeFile = true,
                    NamedExample = "cuda=/opt/onnxruntime/libonnxruntime_providers_cuda.so",
                },
            ],
        },
        environment => new OnnxRuntimeEngine(environment),
        environment => [.. ExportBuilders.Create(environment), new GivenOnnxBuilder()]);

    /// <inheritdoc/>
    public string Name => OrtLibrary.EngineName;

    /// <inheritdoc/>
    public string Build { get; }

    /// <inheritdoc/>
    public ImmutableArray<EngineDevice> Devices() => [.. _probe.All().Select(d => new EngineDevice(d.Id, d.Description, d.Support))];

    /// <inheritdoc/>
    public Support CanRun(Artifact artifact, string device) => CanRunTensors(artifact, device);

    /// <inheritdoc/>
    public Support CanRunTensors(Artifact artifact, string device)
    {
        ArgumentNullException.ThrowIfNull(artifact);
        if (!OnnxModelFile.IsAt(artifact.Path)) return Support.No("onnxruntime: only ONNX models can be run");
        return _probe.Find(device).Support;
    }

    /// <inheritdoc/>
    public ILoadedModel Load(Artifact artifact, string device, LoadOptions options, CancellationToken cancellationToken)
    {
        OrtSettings settings = Prepare(artifact, device, options, cancellationToken);
        return OrtModel.Open(artifact, _probe.Find(device), settings, _library.Api, _log);
    }

    /// <inheritdoc/>
    public ITensorModel LoadTensors(Artifact artifact, string device, LoadOptions options, CancellationToken cancellationToken)
    {
        OrtSettings settings = Prepare(artifact, device, options, cancellationToken);
        return new OrtTensorModel(artifact, _probe.Find(device), settings, _library.Api);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // The library stays loaded as long as the process lives.
    }

    private OrtSettings Prepare(Artifact artifact, string device, LoadOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        CanRunTensors(artifact, device).OrThrow();
        cancellationToken.ThrowIfCancellationRequested();
        return OrtSettings.Of(options, _probe.Find(device));
    }

    // "ORT Build Info: git-branch=rel-1.31.1, git-commit-id=41d4d61, build type=Release, …"
    private static string CommitOf(string buildInfo)
    {
        string? commit = buildInfo.Split(',', StringSplitOptions.TrimEntries)
            .FirstOrDefault(p => p.StartsWith("git-commit-id=", StringComparison.Ordinal));
        return commit is null ? "unknown commit" : $"commit {commit["git-commit-id=".Length..]}";
    }
}
