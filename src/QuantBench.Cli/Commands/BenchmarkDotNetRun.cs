using System.ComponentModel;
using System.Diagnostics;
using QuantBench.Core.Errors;
using QuantBench.Inference.Kernels;
using QuantBench.Runner;

namespace QuantBench.Cli.Commands;

/// <summary>Hands a request for kernels to the checkout's BenchmarkDotNet project, which records a run of the same cells.</summary>
internal static class BenchmarkDotNetRun
{
    private static readonly string[] s_engines =
        [.. Composition.Engines.All.Catalog.Engines.Where(e => e.HasMicrobenchmarks).Select(e => e.Name)];

    /// <summary>Runs it in a child process; its output goes to the terminal.</summary>
    /// <param name="environment">Where things lie.</param>
    /// <param name="request">What to time; weights are cold.</param>
    /// <param name="stop">Ends the child.</param>
    /// <returns>The child's exit code.</returns>
    /// <exception cref="RequestException">There is no checkout.</exception>
    /// <exception cref="EngineException">The SDK can't be started.</exception>
    public static async Task<int> RunAsync(RunnerEnvironment environment, KernelRequest request, CancellationToken stop)
    {
        string project = Path.Combine(environment.Root, "src", "QuantBench.Microbenchmarks", "QuantBench.Microbenchmarks.csproj");
        if (!File.Exists(project))
            throw new RequestException("BenchmarkDotNet's benchmarks are run from a checkout, and this installation has none.",
                "Leave out --benchmarkdotnet; the same kernels are timed without it.");
        if (!request.Backends.Any(IsBenchmarked))
            throw new RequestException($"BenchmarkDotNet times the kernels of {string.Join(", ", s_engines)} only.",
                "Leave out --benchmarkdotnet; the same kernels are timed without it.");
        var info = new ProcessStartInfo("dotnet") { UseShellExecute = false };
        foreach (string argument in (string[])["run", "-c", "Release", "--project", project, "--", .. Arguments(request)])
            info.ArgumentList.Add(argument);
        info.Environment["QUANTBENCH_ROOT"] = environment.Root;
        info.Environment["QUANTBENCH_KERNEL_RESULTS"] = environment.ResultsRoot;
        info.Environment[Results.Store.StoreAddress.Variable] = environment.Store.ForChild();
        info.Environment["QUANTBENCH_KERNEL_TYPES"] = string.Join(',', request.Types);
        info.Environment["QUANTBENCH_KERNEL_SHAPES"] = string.Join(',', request.Shapes);
        info.Environment["QUANTBENCH_KERNEL_TOKENS"] = request.Tokens.ToString();
        info.Environment["QUANTBENCH_KERNEL_THREADS"] = request.Threads.ToString();
        using Process process = Start(info);
        await using CancellationTokenRegistration kill = stop.Register(() => process.Kill(entireProcessTree: true));
        await process.WaitForExitAsync(CancellationToken.None);
        stop.ThrowIfCancellationRequested();
        return process.ExitCode;
    }

    /// <summary>BenchmarkDotNet's options: one filter per operation and instruction set.</summary>
    /// <param name="request">What to time.</param>
    internal static string[] Arguments(KernelRequest request) =>
    [
        "--filter",
        .. request.Ops.SelectMany(op =>
            request.Backends.Where(IsBenchmarked).Select(b => $"*.{op}Benchmarks.{b[(b.IndexOf('/', StringComparison.Ordinal) + 1)..]}(*")),
        .. request.Short ? ["--job", "short"] : Array.Empty<string>(),
    ];

    private static bool IsBenchmarked(string backend) => s_engines.Any(e => backend.StartsWith($"{e}/", StringComparison.Ordinal));

    private static Process Start(ProcessStartInfo info)
    {
        try
        {
            return Process.Start(info) ?? throw new EngineException("dotnet couldn't be started.");
        }
        catch (Win32Exception e)
        {
            throw new EngineException($"dotnet couldn't be started: {e.Message}", "Install the .NET 10 SDK.", e);
        }
    }
}
