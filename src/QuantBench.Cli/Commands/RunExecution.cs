using System.Collections.Immutable;
using System.CommandLine;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Gates;
using QuantBench.Analysis.Tables;
using QuantBench.Cli.Composition;
using QuantBench.Cli.Views;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Gates;
using QuantBench.Core.Runs;
using QuantBench.Results.Folders;
using QuantBench.Runner.Events;
using QuantBench.Runner.Runs;
using QuantBench.Runner.Workers;
using Spectre.Console;

namespace QuantBench.Cli.Commands;

/// <summary>What <c>run</c> and <c>resume</c> share: the view, the index, the report and the exit code.</summary>
internal static class RunExecution
{
    private const long LargestHistory = 32L << 20; // read in a third of a second

    public static async Task<int> RunAsync(
        ParseResult parsed, ViewOptions options, RunnerEnvironment environment, Func<SuiteRunner, CancellationToken, Task<RunOutcome>> run,
        CancellationToken stop)
    {
        TextWriter output = parsed.InvocationConfiguration.Output;
        TextWriter error = parsed.InvocationConfiguration.Error;
        IRunView view = parsed.GetValue(options.Json) ? new JsonView(output)
            : parsed.GetValue(options.Plain) || Console.IsOutputRedirected || !AnsiConsole.Profile.Capabilities.Interactive
                ? new PlainView(output)
            : new LiveView(AnsiConsole.Console, TimeProvider.System, started => History(environment, started));
        using var index = new StoreIndex(environment);
        var runner = new SuiteRunner(environment, view, index);
        RunOutcome outcome = await view.ShowAsync(() => run(runner, stop));
        if (outcome.Interrupted)
        {
            error.WriteLine(
                $"stopped: {outcome.Ok + outcome.Unsupported + outcome.Failed} of {outcome.Info.CellCount} cells are finished.");
            error.WriteLine($"hint: go on with: quantbench resume {Target(environment, outcome)}");
            return ExitCode.Interrupted;
        }

        RunRecord record = RunFolder.ReadRecord(outcome.Folder);
        (string? html, string? problem) = Reporting.Write(record, outcome.Folder);
        GateReport? gates = Gates(record, environment, error);
        if (view.ForPeople) Summarize(output, environment, record, outcome, gates, html);
        else if (view is JsonView json && gates is not null) json.Report(gates);
        if (problem is not null) error.WriteLine($"warning: the report couldn't be written: {problem}");
        if (outcome is { Ok: 0, Failed: 0 } && record.Cells.Any(c => c.Status == CellStatus.Unsupported))
            error.WriteLine("warning: nothing was measured: every cell is unsupported.");
        return outcome.Failed > 0 ? ExitCode.CellsFailed
            : !record.Cells.Any(c => c.Status == CellStatus.Ok) ? ExitCode.Nothing
            : gates is { Passed: false } ? ExitCode.GateBroken : ExitCode.Ok;
    }

    // A run is judged by its suite's own gates; one that can't be read any more takes nothing from the results.
    private static GateReport? Gates(RunRecord record, RunnerEnvironment environment, TextWriter error)
    {
        try
        {
            return GateJudge.JudgeOwn(CandidateSet.Of(record),
                GateReader.OfSuite(record.Info.SuiteText, $"suite of {record.Info.Id}", environment.Engines.Catalog));
        }
        catch (SuiteException e)
        {
            error.WriteLine($"warning: the gates of the run's suite can't be judged: {e.Message}");
            return null;
        }
    }

    private static void Summarize(TextWriter output, RunnerEnvironment environment, RunRecord record, RunOutcome outcome, GateReport? gates,
        string? html)
    {
        output.WriteLine();
        output.WriteLine(TerminalText.For(MarkdownTable.Write(RunTableBuilder.Build(record))));
        output.WriteLine($"{outcome.Ok} measured, {outcome.Unsupported} unsupported, {outcome.Failed} failed");
        if (MarkText.Share(record.Cells) is { } disturbed) output.WriteLine(disturbed);
        if (gates is not null) output.WriteLine($"\n{TerminalText.For(GateText.Markdown(gates))}");
        if (html is not null) output.WriteLine($"report:  {html}");
        output.WriteLine($"results: {outcome.Folder}");
        foreach (string next in Next(environment, record, outcome)) output.WriteLine(CalledAs.In($"next: quantbench {next}"));
    }

    // Each line can be pasted as it is.
    private static IEnumerable<string> Next(RunnerEnvironment environment, RunRecord record, RunOutcome outcome)
    {
        string run = Target(environment, outcome);
        if (outcome.Failed > 0) yield return $"resume {run} --retry-failed";
        yield return $"results show {run}";
        if (Before(environment, record.Info) is { } before)
            yield return $"compare {CalledAs.Quoted(IsUsual(environment) ? before.Id : before.Path)} {run}";
        else if (record.Cells.Any(c => c.Status == CellStatus.Ok)) yield return $"recommend {run} --profile laptop";
    }

    private static RunEntry? Before(RunnerEnvironment environment, RunInfo info) => new RunCatalog(environment.ResultsRoot).List()
        .FirstOrDefault(r => r.Info is { Status: RunStatus.Completed } other && other.Id != info.Id && other.Suite == info.Suite
            && other.Started < info.Started);

    // What can't be read quickly isn't worth waiting for: the plan stands in.
    private static IReadOnlyDictionary<CellId, double> History(RunnerEnvironment environment, RunEvent.RunStarted started)
    {
        RunEntry[] runs = [.. new RunCatalog(environment.ResultsRoot).List().Where(r => r.Info is not null)];
        try
        {
            return RunTimes.History(runs.Select(r => r.Info!), started.Info, // filtered
                info => Cells(runs.First(r => r.Info == info).Path));
        }
        catch (QuantBenchException)
        {
            return ImmutableDictionary<CellId, double>.Empty;
        }
    }

    private static ImmutableArray<CellResult> Cells(string folder) =>
        new FileInfo(Path.Combine(folder, RunFolder.CellsFile)) is { Exists: true, Length: <= LargestHistory }
            ? RunFolder.ReadRecord(folder).Cells : [];

    // With another results directory the id alone wouldn't be found.
    private static string Target(RunnerEnvironment environment, RunOutcome outcome) =>
        CalledAs.Quoted(IsUsual(environment) ? outcome.Info.Id : outcome.Folder);

    private static bool IsUsual(RunnerEnvironment environment) => environment.ResultsRoot == Installation.UsualResults;
}
