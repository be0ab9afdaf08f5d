using System.Collections.Immutable;
using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using QuantBench.Cli.Composition;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Runs;
using QuantBench.Results.Folders;
using QuantBench.Runner.Runs;
using QuantBench.Runner.Workers;

namespace QuantBench.Cli.Commands;

/// <summary>
/// Measures cells again before an alarm is raised: alone, or in turns with another build of QuantBench (A B, A B, …), so that what
/// the machine does moves both alike.
/// </summary>
internal sealed class Confirmation
{
    private const int Most = 100;
    private const int TailCharacters = 600;

    private readonly Option<int?> _times = NumberOption.Whole("--confirm", 1, Most);

    private readonly Option<string?> _against = new("--against")
    {
        Description = "with --confirm: take turns with this other build, a checkout or its quantbench program",
        HelpName = "BUILD",
    };

    public Confirmation() => _times.Description =
        "measure what looks worse N more times at once, on this machine, and alarm only when that shows it too";

    /// <summary>Adds its options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_times);
        command.Options.Add(_against);
    }

    /// <summary>Times to measure again; null when that isn't asked for.</summary>
    /// <exception cref="RequestException">Another build is named, but no number of times.</exception>
    public int? Times(ParseResult parsed)
    {
        int? times = parsed.GetValue(_times);
        if (times is null && parsed.GetValue(_against) is not null)
            throw new RequestException("--against says with which build to take turns, but not how often.", "Add --confirm 3");
        return times;
    }

    /// <summary>Measures some cells of a run again.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="environment">Where things lie.</param>
    /// <param name="runId">The run.</param>
    /// <param name="cells">Its cells.</param>
    /// <param name="stop">Stops.</param>
    /// <returns>Per time this build's run, which is stored, and the other build's before it where there is one, which isn't.</returns>
    /// <exception cref="QuantBenchException">It can't be done here, or a run didn't end well.</exception>
    public async Task<ImmutableArray<(RunRecord? Other, RunRecord Own)>> MeasureAsync(ParseResult parsed, RunnerEnvironment environment,
        string runId, IReadOnlyCollection<Cell> cells, CancellationToken stop)
    {
        int times = Times(parsed) ?? 1;
        var again = new Remeasurement(environment, runId, cells);
        TextWriter told = parsed.InvocationConfiguration.Error;
        using var index = new StoreIndex(environment);
        var made = ImmutableArray.CreateBuilder<(RunRecord? Other, RunRecord Own)>();
        for (int i = 1; i <= times; i++)
        {
            told.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"measuring again, {i} of {times}: {string.Join("; ", cells.Select(c => c.Title).Distinct())}"));
            RunRecord? other = parsed.GetValue(_against) is { } build ? await OtherAsync(build, environment, again, stop) : null;
            made.Add((other, await again.OnceAsync(index, stop)));
        }

        return made.ToImmutable();
    }

    // The suite's paths start from its directory, so that is where its text must lie for the other build.
    private static async Task<RunRecord> OtherAsync(string build, RunnerEnvironment environment, Remeasurement again,
        CancellationToken stop)
    {
        RunInfo run = again.Run;
        string program = Path.GetFullPath(Directory.Exists(build) ? Path.Combine(build, "run-bench.sh") : build);
        string id = Guid.NewGuid().ToString("n")[..8];
        string suite = Path.Combine(run.SuiteDirectory, $".{run.Suite}-{id}.confirm");
        string results = Path.Combine(environment.CacheRoot, Remeasurement.Tag, id);
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            ArgumentList = { "run", suite, "--results", results, "--plain" },
        };
        foreach (string pattern in again.Only)
        {
            start.ArgumentList.Add("--only");
            start.ArgumentList.Add(pattern);
        }

        if (run.Threads is { } threads)
        {
            start.ArgumentList.Add("--threads");
            start.ArgumentList.Add(threads.ToString(CultureInfo.InvariantCulture));
        }

        start.Environment.Remove("QUANTBENCH_ROOT"); // it has its own
        try
        {
            await File.WriteAllTextAsync(suite, run.SuiteText, stop);
            using Process process = Process.Start(start) ?? throw new EngineException($"the other build, {program}, couldn't be started.");
            try
            {
                Task<string> output = process.StandardOutput.ReadToEndAsync(stop);
                Task<string> errors = process.StandardError.ReadToEndAsync(stop);
                await process.WaitForExitAsync(stop);
                string said = await output + await errors;
                string? folder = Directory.Exists(results)
                    ? Directory.GetDirectories(results).FirstOrDefault(d => File.Exists(Path.Combine(d, "cells.jsonl"))) : null;
                return folder is not null ? RunFolder.ReadRecord(folder)
                    : throw new EngineException($"the other build, {program}, ended with {process.ExitCode} and measured nothing: "
                        + said[Math.Max(0, said.Length - TailCharacters)..].Trim());
            }
            finally
            {
                if (!process.HasExited) process.Kill(entireProcessTree: true);
            }
        }
        catch (Exception e) when (e is Win32Exception || DiskFault.Is(e))
        {
            throw new EngineException($"the other build, {program}, couldn't be run: {e.Message}",
                "Name a checkout of QuantBench, or its quantbench program.", e);
        }
        finally
        {
            File.Delete(suite);
            if (Directory.Exists(results)) Directory.Delete(results, recursive: true);
        }
    }
}
