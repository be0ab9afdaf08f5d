using System.Collections.Immutable;
using System.Reflection;
using QuantBench.Core.Machine;
using QuantBench.Core.Suites;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Evaluators;
using QuantBench.Models.Sources;
using QuantBench.Models.Synthesis;
using QuantBench.Results.Store;
using QuantBench.Runner.Workers;

namespace QuantBench.Cli.Composition;

/// <summary>Where this installation's things lie and what the runner is made of: the composition root.</summary>
internal static class Installation
{
    /// <summary>Version of this program.</summary>
    public static string Version { get; } =
        typeof(Installation).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0]
            ?? "unknown";

    /// <summary>Root of the checkout, or of the installation where there is no checkout.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Whether this is a checkout, with results and cache of its own; an installed program keeps them in the user's
    /// data.</summary>
    private static bool IsCheckout => NonEmpty("QUANTBENCH_ROOT") is not null || File.Exists(Path.Combine(Root, "QuantBench.sln"));

    /// <summary>Directory of run folders where none is named.</summary>
    public static string UsualResults => Path.Combine(IsCheckout ? Root : UserData, "results");

    /// <summary>Cache root where none is named.</summary>
    public static string UsualCache =>
        Path.GetFullPath(NonEmpty("QUANTBENCH_CACHE") ?? (IsCheckout ? Path.Combine(Root, ".cache") : Path.Combine(UserData, "cache")));

    private static string UserData => Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData,
        Environment.SpecialFolderOption.DoNotVerify), "quantbench");

    /// <summary>How a worker is started: this very program.</summary>
    public static WorkerCommand WorkerCommand => Own("worker");

    /// <summary>How the process that draws for a server is started.</summary>
    public static WorkerCommand DrawCommand => Own("draw");

    /// <summary>How the process that renews an agent's lease is started.</summary>
    public static WorkerCommand BeatCommand => Own("beat");

    /// <summary>What workers are made of.</summary>
    public static WorkerServices WorkerServices { get; } = new()
    {
        Engines = Engines.All,
        Builders = [new HuggingFaceGgufBuilder(), new GgufCopyBuilder(), new HuggingFaceSafetensorsBuilder(), new HuggingFaceMlxBuilder(),
            new HuggingFacePackedBuilder(), new GgufFloat4Builder(), new DirectoryCopyBuilder(), new SyntheticBuilder()],
        Evaluator = EvaluatorTable.Find,
        ComputeReference = EvaluatorTable.ComputeReference,
        Describe = (variant, path) =>
        {
            ArtifactSize size = ArtifactInspector.Inspect(variant.Format, path);
            return (size.WeightBytes, size.ParameterCount);
        },
        Machine = () => new MachineProbe(TimeProvider.System),
        Clock = TimeProvider.System,
    };

    /// <summary>What the runner is made of.</summary>
    /// <param name="results">Directory of run folders; null = the default.</param>
    /// <param name="cache">Cache root; null = the default.</param>
    /// <param name="store">Address of the results store; null = what the environment names, else the default.</param>
    /// <param name="natives">Native libraries of the user's own, by engine.</param>
    /// <param name="rehash">Whether model files are read again, whatever is remembered of them.</param>
    public static RunnerEnvironment MakeEnvironment(string? results, string? cache, string? store,
        ImmutableSortedDictionary<string, string> natives, bool rehash = false)
    {
        string cacheRoot = Path.GetFullPath(cache ?? UsualCache);
        return new RunnerEnvironment
        {
            MachineLock = NonEmpty("QUANTBENCH_LOCK") switch
            {
                null => Path.Combine(Path.GetTempPath(), "quantbench-measuring.lock"),
                "off" => null,
                var path => Path.GetFullPath(path),
            },
            Root = Root,
            CacheRoot = cacheRoot,
            ResultsRoot = Path.GetFullPath(results ?? NonEmpty("QUANTBENCH_RESULTS") ?? UsualResults),
            Store = StoreAddress.Parse(store ?? NonEmpty(StoreAddress.Variable)),
            NativeDirectories = natives,
            Engines = Engines.All,
            Worker = WorkerCommand,
            OpenSource = path => SuiteModel.IsShape(path) ? SyntheticSource.Open(path)
                : ModelSource.Open(path, Path.Combine(cacheRoot, "hashes"), rehash),
            OpenTokenizer = ModelSource.OpenTokenizer,
            ReadFingerprint = () => FingerprintReader.Read() with { QuantBench = Version },
            Clock = TimeProvider.System,
        };
    }

    /// <summary>Value of an environment variable; null when it is empty or not set.</summary>
    public static string? NonEmpty(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? value : null;

    private static WorkerCommand Own(string word)
    {
        string own = Environment.ProcessPath ?? "quantbench";
        // Under `dotnet quantbench.dll` the process is dotnet's; the program is the assembly.
        return Path.GetFileNameWithoutExtension(own) == "dotnet"
            ? new WorkerCommand(own, [Path.Combine(AppContext.BaseDirectory, "quantbench.dll"), word])
            : new WorkerCommand(own, [word]);
    }

    private static string FindRoot()
    {
        if (NonEmpty("QUANTBENCH_ROOT") is { } named) return Path.GetFullPath(named);
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "QuantBench.sln"))) return at.FullName;
        }

        return AppContext.BaseDirectory;
    }
}
