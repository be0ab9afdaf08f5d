using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using QuantBench.Core.Errors;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.OnnxRuntime.Native;

/// <summary>
/// The ONNX Runtime library of this process: the one that comes with the program, or the one the user named. A process holds one; the
/// managed binding can't be moved to another after its first call.
/// </summary>
internal sealed unsafe class OrtLibrary
{
    /// <summary>Engine name: the key of a user-named library.</summary>
    public const string EngineName = "onnxruntime";

    /// <summary>Environment variable that names a library.</summary>
    public const string Variable = "QUANTBENCH_ORT_LIBRARY";

    /// <summary>Key prefix of user-named execution-provider libraries: <c>onnxruntime:NAME</c>.</summary>
    public const string PluginPrefix = EngineName + ":";

    /// <summary>Version of the C API that the managed binding asks the library for.</summary>
    public const uint ApiVersion = 31;

    private static readonly Lock s_gate = new();
    private static OrtLibrary? s_loaded;

    private OrtLibrary(string? path, string version, OrtFunctions api) => (Path, Version, Api) = (path, version, api);

    /// <summary>Path the user named; null for the library that comes with the program.</summary>
    public string? Path { get; }

    /// <summary>Version the library names.</summary>
    public string Version { get; }

    /// <summary>Functions of the C API that the managed binding doesn't wrap.</summary>
    public OrtFunctions Api { get; }

    /// <summary>Loads the library and the execution-provider libraries the user named.</summary>
    /// <param name="environment">Names them.</param>
    /// <exception cref="EngineException">It isn't there, isn't ONNX Runtime, or is too old.</exception>
    public static OrtLibrary Load(EngineEnvironment environment)
    {
        string? named = environment.NativeDirectories.GetValueOrDefault(EngineName);
        lock (s_gate)
        {
            if (s_loaded is { } loaded)
            {
                if (loaded.Path == named) return loaded;
                throw new EngineException(
                    $"onnxruntime: this process already runs {loaded.Path ?? "the library that comes with the program"}.",
                    "One process runs one ONNX Runtime library.");
            }

            s_loaded = named is null ? LoadOwn() : LoadNamed(named);
            return s_loaded;
        }
    }

    private static OrtLibrary LoadOwn()
    {
        try
        {
            OrtEnv.Instance();
            nint handle = NativeLibrary.Load("onnxruntime", typeof(OrtEnv).Assembly, null);
            return Open(null, handle);
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException or BadImageFormatException)
        {
            throw new EngineException(
                $"onnxruntime: the library that comes with the program can't be loaded: {(e.InnerException ?? e).Message}",
                "This platform may have no build of it; name your own with --ort-library PATH.", e);
        }
    }

    private static OrtLibrary LoadNamed(string named)
    {
        string file = FileOf(named);
        nint handle;
        try
        {
            handle = NativeLibrary.Load(file);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw new EngineException($"onnxruntime: {file} can't be loaded: {e.Message}",
                "Name the shared library of an ONNX Runtime build for this platform.", e);
        }

        OrtLibrary library = Open(named, handle);
        OrtEnv.DisableDllImportResolver = true;
        NativeLibrary.SetDllImportResolver(typeof(OrtEnv).Assembly,
            (name, _, _) => name.Contains("onnxruntime", StringComparison.Ordinal) ? handle : nint.Zero);
        return library;
    }

    private static string FileOf(string named)
    {
        if (File.Exists(named)) return named;
        string[] names = OperatingSystem.IsWindows() ? ["onnxruntime.dll"]
            : OperatingSystem.IsMacOS() ? ["libonnxruntime.dylib"] : ["libonnxruntime.so", "libonnxruntime.so.1"];
        return names.SelectMany(n => new[] { System.IO.Path.Combine(named, n), System.IO.Path.Combine(named, "lib", n) })
            .FirstOrDefault(File.Exists)
            ?? throw new EngineException($"onnxruntime: there is no ONNX Runtime library at {named}.",
                $"Give the path of {names[0]}, or the directory that holds it.");
    }

    private static OrtLibrary Open(string? named, nint handle)
    {
        string what = named ?? "the library that comes with the program";
        if (!NativeLibrary.TryGetExport(handle, "OrtGetApiBase", out nint export))
        {
            throw new EngineException($"onnxruntime: {what} isn't ONNX Runtime: it has no OrtGetApiBase.",
                "Name the main library, not an execution provider's.");
        }

        // struct OrtApiBase { const OrtApi* (*GetApi)(uint32_t); const char* (*GetVersionString)(); }
        void** table = ((delegate* unmanaged<void**>)export)();
        string version = Marshal.PtrToStringUTF8((nint)((delegate* unmanaged<byte*>)table[1])()) ?? "unknown";
        // A library that lacks the version prints a line and answers null; the managed binding would then fault.
        void** api = Minor(version) < ApiVersion ? null : ((delegate* unmanaged<uint, void**>)table[0])(ApiVersion);
        return api is not null
            ? new OrtLibrary(named, version, new OrtFunctions(api))
            : throw new EngineException($"onnxruntime: {what} is version {version}, which lacks C API {ApiVersion}.",
                $"Use ONNX Runtime 1.{ApiVersion} or newer.");
    }

    private static int Minor(string version)
    {
        string[] parts = version.Split('.');
        return parts.Length > 1 && parts[0] == "1" && int.TryParse(parts[1], out int minor) ? minor : int.MaxValue;
    }
}
