using System.Runtime.InteropServices;
using System.Text;
using LLama.Native;
using QuantBench.Core.Errors;
using QuantBench.Engines.LlamaCpp.Native;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.LLamaSharp.Native;

/// <summary>
/// LLamaSharp's native build in this process. Like llama.cpp itself it is loaded once; which instruction-set level is taken is LLamaSharp's
/// own choice. Another build of llama.cpp in the same process would share its libggml-base by name, so it is refused.
/// </summary>
internal sealed class LLamaSharpLibrary
{
    /// <summary>Engine name: the key of a user-named directory.</summary>
    public const string EngineName = "llamasharp";

    /// <summary>Environment variable that names a directory of native libraries.</summary>
    public const string Variable = "QUANTBENCH_LLAMASHARP_DIR";

    /// <summary>Version of the package; the assembly says 0.0.0.</summary>
    public const string Version = "0.30.0";

    private const string Commit = NativeParameters.EarlierCommit;
    private const string LoadedLine = "Successfully loaded '";
    private static readonly Lock s_lock = new();
    private static LLamaSharpLibrary? s_loaded;

    // LLamaSharp keeps a pointer to it for the life of the process.
    private readonly NativeLogConfig.LLamaLogCallback _receiver;

    private LLamaSharpLibrary(string directory, string level)
    {
        (Directory, Level) = (directory, level);
        _receiver = (l, text) => Log.Take((ggml_log_level)l, Encoding.UTF8.GetBytes(text));
        NativeLogConfig.llama_log_set(_receiver);
        Build = $"LLamaSharp {Version}, llama.cpp {Commit} ({level}) "
            + $"{Marshal.PtrToStringUTF8(NativeApi.llama_print_system_info())?.Trim(' ', '|')}";
    }

    /// <summary>Where the native libraries lie.</summary>
    public string Directory { get; }

    /// <summary>The instruction-set level that LLamaSharp chose; empty where its package has one build only.</summary>
    public string Level { get; }

    /// <summary>llama.cpp's log.</summary>
    public NativeLog Log { get; } = new();

    /// <summary>Versions of the binding and of what it binds to, the instruction-set level, and the build's features.</summary>
    public string Build { get; }

    /// <summary>Loads the libraries, or answers those already loaded.</summary>
    /// <exception cref="EngineException">They are missing, can't be loaded, or aren't those that this LLamaSharp is written
    /// for.</exception>
    public static LLamaSharpLibrary Load(EngineEnvironment environment)
    {
        lock (s_lock) return s_loaded ??= Start(environment);
    }

    private static LLamaSharpLibrary Start(EngineEnvironment environment)
    {
        if (LoadedBuild.Directory() is { } other)
            throw new EngineException(
                $"LLamaSharp: this process has already loaded llama.cpp from {other}; a second build can't be loaded beside it.");
        var words = new List<string>();
        NativeLibraryConfig config = NativeLibraryConfig.LLama.WithLogCallback((_, text) => words.Add(text.Trim()));
        if (environment.NativeDirectories.TryGetValue(EngineName, out string? named))
        {
            string file =
                Path.Combine(Path.GetFullPath(named),
                    OperatingSystem.IsWindows() ? "llama.dll" : OperatingSystem.IsMacOS() ? "libllama.dylib" : "libllama.so");
            if (!File.Exists(file))
                throw new EngineException($"LLamaSharp: there is no {file}.",
                    $"Name the directory of LLamaSharp's native libraries in {Variable}.");
            config.WithLibrary(file);
        }
        else
        {
            config.WithSearchDirectory(AppContext.BaseDirectory);
        }

        try
        {
            NativeApi.llama_empty_call();
        }
        catch (Exception e) when (e is TypeInitializationException or global::LLama.Exceptions.RuntimeError or DllNotFoundException)
        {
            throw Unloadable(words, e);
        }

        string llama =
            words.Where(w => w.StartsWith(LoadedLine, StringComparison.Ordinal)).Select(w => w[LoadedLine.Length..].TrimEnd('\''))
                .LastOrDefault() ?? "";
        CheckBuild(llama);
        string level = NativeApi.GetLoadedNativeLibrary(NativeLibraryName.LLama)?.Metadata?.AvxLevel.ToString().ToLowerInvariant() ?? "";
        return new LLamaSharpLibrary(Path.GetDirectoryName(llama) ?? "", level);
    }

    // The size of the context's struct is the same in builds that lay it out otherwise: the commit decides.
    private static unsafe void CheckBuild(string llama)
    {
        string name = OperatingSystem.IsWindows() ? "ggml-base.dll" : OperatingSystem.IsMacOS() ? "libggml-base.dylib" : "libggml-base.so";
        string path = Path.Combine(Path.GetDirectoryName(llama) ?? "", name);
        string found = "a build without a commit";
        if (NativeLibrary.TryLoad(path, out nint library) && NativeLibrary.TryGetExport(library, "ggml_commit", out nint commit))
            found = Marshal.PtrToStringUTF8((nint)((delegate* unmanaged<byte*>)commit)()) ?? found;
        if (!found.StartsWith(Commit, StringComparison.Ordinal))
        {
            throw new EngineException(
                $"LLamaSharp: {path} is llama.cpp {found}, but LLamaSharp {Version} is "
                    + $"written for {Commit}.",
                "Use the native libraries of the LLamaSharp.Backend package of the same version.");
        }
    }

    private static EngineException Unloadable(List<string> words, Exception cause)
    {
        if (OperatingSystem.IsLinux() && !NativeLibrary.TryLoad("libgomp.so.1", out _))
            return LlamaInstallation.OpenMpMissing("LLamaSharp", "its native build", cause);
        string said =
            string.Join("; ",
                words.Where(w => w.Contains("rror", StringComparison.Ordinal) || w.Contains("ailed", StringComparison.Ordinal))
                    .TakeLast(3));
        return new EngineException(
            "LLamaSharp: its native libraries can't be loaded. "
                + (said.Length > 0 ? said : (cause.InnerException ?? cause).Message.Split('\n')[0]),
            $"They come with QuantBench's build; another directory can be named in {Variable}.", cause);
    }
}
