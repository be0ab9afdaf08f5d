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
using QuantBench.Results.Folders;
using QuantBench.Runner.Events;
using QuantBench.Runner.Runs;
using QuantBench.Runner.Workers;
using Spectre.Console;

namespace QuantBench.Cli.Commands;

/// <summary>What <c>run</c> and <c>resume</c> share: the view, the index, the report and the exit code.</summary>
internal static class RunExecution
{
    public static async Task<int> RunAsync(
        ParseResult parsed, ViewOptions options, RunnerEnvironment environment, Func<SuiteRunner, CancellationToken, Task<RunOutcome>> run,
        CancellationToken stop)
    {
        TextWriter output = parsed.InvocationConfiguration.Output;
        TextWriter error = parsed.InvocationConfiguration.Error;
        IRunView view = parsed.GetValue(options.Json) ? new JsonView(output)
            : parsed.GetValue(options.Plain) || Console.IsOutputRedirected || !AnsiConsole.Profile.Capabilities.Interactive
                ? new PlainView(output)
            : new LiveView(AnsiConsole.Console);
        using var index = new StoreIndex(environment);
        var runner = new SuiteRunner(environment, view, index);
        RunOutcome outcome = await view.ShowAsync(() => run(runner, stop));
        if (outcome.Interrupted)
        {
            error.WriteLine(
                $"stopped: {outcome.Ok + outcome.Unsupported + outcome.Failed} of {outcome.Info.CellCount} cells are finished.");
            error.WriteLine($"hint: go on with: ./run-bench.sh resume {ResumeTarget(environment, outcome)}");
            return ExitCode.Interrupted;
        }

        RunRecord record = RunFolder.ReadRecord(outcome.Folder);
        (string? html, string? problem) = Reporting.Write(record, outcome.Folder);
        GateReport? gates = Gates(record, environment, error);
        if (view.ForPeople) Summarize(output, record, outcome, gates, html);
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

    private static void Summarize(TextWriter output, RunRecord record, RunOutcome outcome, GateReport? gates, string? html)
    {
        output.WriteLine();
        output.WriteLine(TerminalText.For(MarkdownTable.Write(RunTableBuilder.Build(record))));
        output.WriteLine($"{outcome.Ok} measured, {outcome.Unsupported} unsupported, {outcome.Failed} failed");
        if (MarkText.Share(record.Cells) is { } disturbed) output.WriteLine(disturbed);
        if (gates is not null) output.WriteLine($"\n{TerminalText.For(GateText.Markdown(gates))}");
        if (html is not null) output.WriteLine($"report:  {html}");
        output.WriteLine($"results: {outcome.Folder}");
        if (outcome.Failed > 0) output.WriteLine($"failed cells again: ./run-bench.sh resume {outcome.Info.Id} --retry-failed");
        output.WriteLine($"next: ./run-bench.sh results show {outcome.Info.Id}   ./run-bench.sh compare {outcome.Info.Id} OTHER-RUN");
    }

    // With another results directory the id alone wouldn't be found.
    private static string ResumeTarget(RunnerEnvironment environment, RunOutcome outcome) =>
        environment.ResultsRoot == Path.Combine(environment.Root, "results") ? outcome.Info.Id : outcome.Folder;
}
