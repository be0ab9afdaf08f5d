using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text.Json;
using QuantBench.Core.Errors;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.LlamaCpp.Native;

/// <summary>A directory of llama.cpp's shared libraries, found but not loaded.</summary>
/// <param name="Directory">Absolute path.</param>
/// <param name="Llama">Path of libllama.</param>
/// <param name="Ggml">Path of libggml.</param>
/// <param name="GgmlBase">Path of libggml-base.</param>
/// <param name="Release">The llama.cpp release its metadata names, e.g. <c>v0.5.0</c>; null when there is no metadata (a build of the
/// user's own).</param>
/// <param name="Accelerators">Further backends of the same release outside <paramref name="Directory"/>, loaded only when a device of
/// theirs is asked for.</param>
/// <param name="Package">The package it came in, for the record, where that isn't the directory's name.</param>
/// <param name="Choice">Why it is this one.</param>
internal sealed record LlamaInstallation(string Directory, string Llama, string Ggml, string GgmlBase, string? Release,
    IReadOnlyList<string> Accelerators, string? Package = null, string Choice = "named by the user")
{
    /// <summary>The llama.cpp release the structs are written for; of one other build <see cref="NativeParameters"/> knows the
    /// differences.</summary>
    public const string WantedRelease = "v0.5.0";

    /// <summary>Engine name: the key of a user-named directory.</summary>
    public const string EngineName = "llamacpp";

    /// <summary>Environment variable that names a directory.</summary>
    public const string Variable = "QUANTBENCH_LLAMACPP_DIR";

    private const string SetupHint = "Run `./run-bench.sh setup`, or name a directory with a llama.cpp " + WantedRelease
        + " build in " + Variable + " or by --llamacpp-dir.";

    private static readonly string[] s_accelerators = ["vulkan", "cuda"];
    private static readonly string s_prefix = OperatingSystem.IsWindows() ? "" : "lib";
    private static readonly string s_suffix = OperatingSystem.IsWindows() ? ".dll" : OperatingSystem.IsMacOS() ? ".dylib" : ".so";

    // What the builds of LLamaSharp's package are compiled for, best first, and whether this CPU has it.
    private static readonly (string Level, bool Has)[] s_levels =
    [
        ("avx512", Avx512F.IsSupported && Avx512BW.IsSupported && Avx512DQ.IsSupported && Avx512F.VL.IsSupported),
        ("avx2", Avx2.IsSupported && Fma.IsSupported), ("avx", Avx.IsSupported), ("noavx", true), ("", true),
    ];

    /// <summary>
    /// Finds the libraries: in the directory the user named, else in the pinned npm package below the root, else in the NuGet package that
    /// lies beside this program.
    /// </summary>
    /// <exception cref="EngineException">There are none, or they are another release's.</exception>
    public static LlamaInstallation Locate(EngineEnvironment environment) => Locate(environment, AppContext.BaseDirectory);

    /// <summary>As <see cref="Locate(EngineEnvironment)"/>, for a program in a folder.</summary>
    internal static LlamaInstallation Locate(EngineEnvironment environment, string program)
    {
        if (environment.NativeDirectories.TryGetValue(EngineName, out string? named))
        {
            string full = Path.GetFullPath(named);
            if (!System.IO.Directory.Exists(full)) throw new EngineException($"llama.cpp: there is no directory {full}.", SetupHint);
            return TryOpen(full) ?? TryOpen(Path.Combine(full, "bin")) ?? TryOpen(Path.Combine(full, "build", "bin"))
                ?? throw new EngineException(
                    $"llama.cpp: {full} holds no {s_prefix}llama{s_suffix} with its {s_prefix}ggml{s_suffix} and "
                        + $"{s_prefix}ggml-base{s_suffix}.", SetupHint);
        }

        string natives = Path.Combine(environment.Root, "src", "QuantBench.Engines.LlamaCpp", "natives");
        string cpu = PackageDirectory(natives, "cpu", "");
        LlamaInstallation found = (TryOpen(cpu) is { } package ? package with { Choice = "npm has fetched it" } : null) ?? Bundled(program)
            ?? throw new EngineException($"llama.cpp: its native libraries are missing: nothing in {cpu}.", SetupHint);
        string[] accelerators =
        [
            .. s_accelerators
                .Select(kind => Path.Combine(PackageDirectory(natives, kind, "-" + kind), $"{s_prefix}ggml-{kind}{s_suffix}"))
                .Where(File.Exists),
        ];
        return found with { Accelerators = accelerators };
    }

    /// <summary>What to tell when the libraries found turn out to be of another release.</summary>
    /// <param name="directory">Where they are.</param>
    /// <param name="found">What was found there.</param>
    public static EngineException WrongBuild(string directory, string found) =>
        new($"llama.cpp: {directory} holds {found}, but the struct layouts here are those of {WantedRelease} and of "
            + $"{NativeParameters.EarlierCommit} (LLamaSharp 0.30.0).", SetupHint);

    /// <summary>What to tell when the libraries are there but can't be loaded.</summary>
    public static EngineException Unloadable(string path, Exception cause) =>
        cause.Message.Contains("libgomp", StringComparison.Ordinal) ? OpenMpMissing("llama.cpp", path, cause)
            : new($"llama.cpp: {path} can't be loaded: {cause.Message}", SetupHint, cause);

    /// <summary>What to tell when GCC's OpenMP runtime is missing, which the builds from NuGet need on Linux.</summary>
    /// <param name="who">Who can't run without it.</param>
    /// <param name="library">What needs it.</param>
    /// <param name="cause">What the loader said.</param>
    public static EngineException OpenMpMissing(string who, string library, Exception cause) =>
        new($"{who}: libgomp.so.1, GCC's OpenMP runtime, is missing; {library} needs it.",
            "Install it (Debian and Ubuntu: apt-get install libgomp1; Fedora: dnf install libgomp).", cause);

    // LLamaSharp.Backend.Cpu's folders, runtimes/RID/native[/LEVEL]; the build copies those of this platform alone.
    private static LlamaInstallation? Bundled(string program)
    {
        string runtimes = Path.Combine(program, "runtimes");
        if (!System.IO.Directory.Exists(runtimes)) return null;
        return s_levels.Where(l => l.Has)
            .SelectMany(l => System.IO.Directory.EnumerateDirectories(runtimes).Order(StringComparer.Ordinal)
                .Select(rid => TryOpen(Path.Combine(rid, "native", l.Level)) is { } found
                    ? found with
                    {
                        Package = $"LLamaSharp.Backend.Cpu {l.Level}".TrimEnd(),
                        Choice = "it comes with NuGet; v0.5.0, which has more code for new CPUs, isn't here: install Node.js and run "
                            + "./run-bench.sh setup",
                    }
                    : null))
            .FirstOrDefault(found => found is not null);
    }

    private static string PackageDirectory(string natives, string kind, string packageSuffix)
    {
        string platform = (OperatingSystem.IsWindows() ? "win-" : OperatingSystem.IsMacOS() ? "mac-" : "linux-")
            + RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant() + packageSuffix;
        return Path.Combine(natives, kind, "node_modules", "@node-llama-cpp", platform, "bins", platform);
    }

    private static LlamaInstallation? TryOpen(string directory)
    {
        if (!System.IO.Directory.Exists(directory)) return null;
        string? llama = Find(directory, "llama");
        string? ggml = Find(directory, "ggml");
        string? ggmlBase = Find(directory, "ggml-base");
        if (llama is null || ggml is null || ggmlBase is null) return null;
        string? release = ReleaseInMetadata(directory) ?? ReleaseInName(llama);
        if (release is not null && release != WantedRelease) throw WrongBuild(directory, $"llama.cpp {release}");
        return new LlamaInstallation(directory, llama, ggml, ggmlBase, release, []);
    }

    /// <summary>A library under any naming scheme: <c>libllama.so</c> (CMake), <c>libllama.v0.5.0.so</c> or <c>libllama.cuda.v0.5.0.so</c>
    /// (npm).</summary>
    private static string? Find(string directory, string name)
    {
        string plain = Path.Combine(directory, s_prefix + name + s_suffix);
        if (File.Exists(plain)) return plain;
        return System.IO.Directory.EnumerateFiles(directory, $"{s_prefix}{name}.*v*{s_suffix}").Order(StringComparer.Ordinal)
            .FirstOrDefault();
    }

    private static string? ReleaseInName(string path)
    {
        string name = Path.GetFileNameWithoutExtension(path);
        int dot = name.LastIndexOf(".v", StringComparison.Ordinal);
        return dot < 0 ? null : name[(dot + 1)..];
    }

    private static string? ReleaseInMetadata(string directory)
    {
        string path = Path.Combine(directory, "_nlcBuildMetadata.json");
        if (!File.Exists(path)) return null;
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            return document.RootElement.GetProperty("buildOptions").GetProperty("llamaCpp").GetProperty("release").GetString();
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw WrongBuild(directory, $"a build whose _nlcBuildMetadata.json can't be read ({e.Message})");
        }
    }
}
