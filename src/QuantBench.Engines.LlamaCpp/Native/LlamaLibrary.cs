using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using QuantBench.Core.Errors;

namespace QuantBench.Engines.LlamaCpp.Native;

/// <summary>
/// llama.cpp in this process. It can be loaded once per process: its log receivers, backends and quantization tables are global. All
/// engines and builders share it; asking for another directory later is refused.
/// </summary>
internal sealed unsafe class LlamaLibrary
{
    private static readonly Lock s_lock = new();
    private static LlamaLibrary? s_loaded;

    private readonly nint _llama;
    private readonly nint _ggml;
    private readonly nint _ggmlBase;
    private bool _acceleratorsLoaded;
    private EngineException? _fault;

    private LlamaLibrary(LlamaInstallation installation)
    {
        Installation = installation;
        _ggmlBase = Open(installation.GgmlBase);
        _ggml = Open(installation.Ggml);
        _llama = Open(installation.Llama);
    }

    /// <summary>Where it was loaded from.</summary>
    public LlamaInstallation Installation { get; }

    /// <summary>Its log.</summary>
    public NativeLog Log { get; } = new();

    /// <summary>Version, commit, package and the features of the chosen CPU backend.</summary>
    public string Build { get; private set; } = "";

    /// <summary>Its release, or the commit of a build that has none to tell.</summary>
    public string Release { get; private set; } = "";

    /// <summary>Which of the CPU backends of the build was loaded, e.g. <c>haswell</c>; <c>only</c> where the build has but one. They round
    /// unlike, so figures of two of them differ a little.</summary>
    public string CpuVariant { get; private set; } = "";

    /// <summary>Loads the libraries, or answers those already loaded.</summary>
    /// <exception cref="EngineException">They can't be loaded, are another release's, or another directory is loaded already.</exception>
    public static LlamaLibrary Load(LlamaInstallation installation)
    {
        lock (s_lock)
        {
            if (s_loaded is { } loaded)
            {
                if (loaded.Installation.Directory == installation.Directory) return loaded._fault is { } fault ? throw fault : loaded;
                throw new EngineException(
                    $"llama.cpp: this process has already loaded {loaded.Installation.Directory}; a second build "
                        + $"({installation.Directory}) can't be loaded beside it.",
                    "Use one llama.cpp directory per process.");
            }

            if (LoadedBuild.Directory() is { } other && other != installation.Directory)
            {
                throw new EngineException(
                    $"llama.cpp: this process has already loaded {other}; a second build ({installation.Directory}) can't be loaded "
                        + "beside it.", "Use one build of llama.cpp per process.");
            }

            var library = new LlamaLibrary(installation);
            NativeLibrary.SetDllImportResolver(typeof(LlamaLibrary).Assembly, library.Resolve);
            s_loaded = library; // from here on the resolver is set for good, whatever the checks below say
            try
            {
                library.Start();
            }
            catch (EngineException e)
            {
                library._fault = e;
                throw;
            }

            return library;
        }
    }

    /// <summary>Loads the backends of the accelerator packages, once. Apart from the start, since a CPU cell must not pay for a CUDA
    /// context.</summary>
    public void LoadAccelerators()
    {
        lock (s_lock)
        {
            if (_acceleratorsLoaded) return;
            _acceleratorsLoaded = true;
            // what fails is in the log, and has no device
            foreach (string path in Installation.Accelerators) NativeMethods.ggml_backend_load(path);
        }
    }

    /// <summary>Why backends of accelerators can't be loaded: most often a library of the device's maker is missing, and ggml doesn't
    /// say so.</summary>
    public IEnumerable<string> AcceleratorFaults()
    {
        string[] makers = ["cuda", "vulkan", "hip", "sycl", "musa"];
        IEnumerable<string> own = Directory.EnumerateFiles(Installation.Directory, "*ggml-*")
            .Where(file => makers.Any(maker => Path.GetFileName(file).Contains(maker, StringComparison.OrdinalIgnoreCase)));
        return Installation.Accelerators.Concat(own).Distinct(StringComparer.Ordinal)
            .Select(path => LoadFault(path) is { } fault ? $"{Path.GetFileName(path)} can't be loaded: {fault}" : null).OfType<string>();
    }

    /// <summary>Why a library can't be loaded, in the system's words; null when it can.</summary>
    internal static string? LoadFault(string path)
    {
        try
        {
            NativeLibrary.Load(path);
            return null;
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            // .NET lists every name that it tried; the line about a missing or broken file is the cause.
            string[] lines = e.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            return lines.FirstOrDefault(line => line.Contains("cannot open shared object", StringComparison.Ordinal)
                && !line.StartsWith(path, StringComparison.Ordinal)) ?? lines.FirstOrDefault(line => line.StartsWith(path,
                StringComparison.Ordinal)) ?? lines[0];
        }
    }

    private static nint Open(string path)
    {
        try
        {
            return NativeLibrary.Load(path);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw LlamaInstallation.Unloadable(path, e);
        }
    }

    private nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath) => name switch
    {
        NativeMethods.Llama => _llama,
        NativeMethods.Ggml => _ggml,
        NativeMethods.GgmlBase => _ggmlBase,
        _ => 0,
    };

    private void Start()
    {
        string version = Release = Version();
        var libraries = new Dictionary<string, nint>
        {
            [NativeMethods.Llama] = _llama,
            [NativeMethods.Ggml] = _ggml,
            [NativeMethods.GgmlBase] = _ggmlBase,
        };
        if (SymbolCheck.FirstMissing(libraries) is { } missing)
            throw WrongBuild($"a build that calls itself {version} but has no function {missing}");
        if (LayoutCheck.FirstMismatch() is { } mismatch)
            throw WrongBuild($"a build that calls itself {version} but lays out {mismatch} otherwise");
        Log.Attach();
        NativeMethods.ggml_backend_load_all_from_path(Installation.Directory);
        NativeMethods.llama_backend_init();
        CpuVariant = FindCpuVariant();
        string source = Installation.Package
            ?? (Installation.Release is null ? Installation.Directory : Path.GetFileName(Installation.Directory) + " package");
        Build = $"llama.cpp {version} (ggml {NativeText.Read(NativeMethods.ggml_version())} "
            + $"{NativeText.Read(NativeMethods.ggml_commit())}; {source}) "
            + NativeText.Read(NativeMethods.llama_print_system_info()).Trim(' ', '|');
    }

    // The release; of a build that has none to tell, the commit.
    private string Version()
    {
        if (!NativeLibrary.TryGetExport(_llama, nameof(NativeMethods.llama_version), out _))
        {
            string commit = NativeText.Read(NativeMethods.ggml_commit());
            if (!commit.StartsWith(NativeParameters.EarlierCommit, StringComparison.Ordinal))
                throw WrongBuild($"a build without a version (ggml {NativeText.Read(NativeMethods.ggml_version())}, commit {commit})");
            NativeParameters.Earlier = true;
            return NativeParameters.EarlierCommit;
        }

        string version = NativeText.Read(NativeMethods.llama_version());
        string release = "v" + version.Split('-')[0]; // builds from a release's source call themselves 0.5.0-dev
        return release == LlamaInstallation.WantedRelease ? "v" + version : throw WrongBuild($"llama.cpp {version}");
    }

    // The loader takes the best one that this CPU runs, and tells it in a debug line only.
    private string FindCpuVariant()
    {
        const string Backend = "ggml-cpu";
        using var process = Process.GetCurrentProcess();
        foreach (ProcessModule module in process.Modules)
        {
            string name = Path.GetFileName(module.FileName).Split('.')[0];
            int at = name.IndexOf(Backend, StringComparison.Ordinal);
            if (at >= 0) return name[(at + Backend.Length)..].TrimStart('-') is { Length: > 0 } variant ? variant
                : Installation.Package is null ? "only" : Path.GetFileName(Installation.Directory);
        }

        return "";
    }

    private EngineException WrongBuild(string found) => LlamaInstallation.WrongBuild(Installation.Directory, found);
}
