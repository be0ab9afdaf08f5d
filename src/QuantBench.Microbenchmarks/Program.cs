using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Perfolizer.Horology;
using QuantBench.Core.Machine;
using QuantBench.Core.Runs;
using QuantBench.Microbenchmarks.Columns;
using QuantBench.Microbenchmarks.Kernels;
using QuantBench.Microbenchmarks.Results;

namespace QuantBench.Microbenchmarks;

/// <summary>The benchmarks' program; takes BenchmarkDotNet's own options, e.g. <c>--filter '*MatVec*'</c> and <c>--job short</c>.</summary>
public static class Program
{
    // A fifth of BenchmarkDotNet's usual: kernels take micro- to milliseconds, and there are hundreds of cases.
    private const int IterationMilliseconds = 100;

    /// <summary>Runs the chosen benchmarks.</summary>
    /// <param name="args">Options of BenchmarkDotNet.</param>
    /// <returns>0 when every chosen benchmark has a result, 2 when one hasn't, 65 when nothing is chosen or a choice is wrong.</returns>
    public static int Main(string[] args)
    {
        ArgumentNullException.ThrowIfNull(args);
        try
        {
            _ = KernelSelection.Current;
        }
        catch (TypeInitializationException e) when (e.InnerException is ArgumentException wrong)
        {
            ConsoleLogger.Default.WriteLineError($"error: {wrong.Message}");
            return 65;
        }

        MemoryBandwidth bandwidth = MemoryBandwidthProbe.Measure(Environment.ProcessorCount, TimeProvider.System);
        using var run = new RunFolderExporter(Installation.Results, bandwidth, TimeProvider.System);
        IConfig config = Config(ShortJob(args, out string[] others), bandwidth, run);
        Summary[] summaries = [.. BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(others, config)];
        if (summaries.Length == 0) return args.Any(a => a is "--list" or "--help" or "--info" or "--version") ? 0 : 65;
        return summaries.All(s => s.Reports.All(r => r.Success)) ? 0 : 2;
    }

    /// <summary>How benchmarks are run and shown.</summary>
    /// <param name="isShort">Whether a look is enough.</param>
    /// <param name="bandwidth">The machine's memory bandwidth.</param>
    /// <param name="run">Writes the results.</param>
    internal static IConfig Config(bool isShort, MemoryBandwidth bandwidth, RunFolderExporter run) => ManualConfig.CreateEmpty()
        // In this process: a project built for each of hundreds of cases would cost far more than measuring it, and kernels are told apart
        // by objects, not by what the process was compiled for.
        .AddJob((isShort ? Job.ShortRun : Job.Default).WithToolchain(InProcessEmitToolchain.Instance)
            .WithIterationTime(TimeInterval.FromMilliseconds(IterationMilliseconds)))
        .AddColumnProvider(DefaultColumnProviders.Instance)
        .AddColumn(RateColumn.All(bandwidth.BestBytesPerSecond))
        .AddFilter(new SupportedKernelFilter())
        .AddLogger(ConsoleLogger.Default)
        .AddExporter(MarkdownExporter.GitHub, run)
        .WithArtifactsPath(Installation.Artifacts)
        .WithOptions(ConfigOptions.DisableLogFile);

    // BenchmarkDotNet would add its own short job, with its own toolchain, beside the one here.
    private static bool ShortJob(string[] args, out string[] others)
    {
        int at = Array.FindIndex(args, a => a is "--job" or "-j");
        bool isShort = at >= 0 && at + 1 < args.Length && args[at + 1].Equals("short", StringComparison.OrdinalIgnoreCase);
        others = isShort ? [.. args[..at], .. args[(at + 2)..]] : args;
        return isShort;
    }
}
