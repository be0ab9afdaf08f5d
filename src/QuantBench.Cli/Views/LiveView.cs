using QuantBench.Analysis.Formatting;
using QuantBench.Core.Cells;
using QuantBench.Inference.Evaluators;
using QuantBench.Runner.Runs;
using Spectre.Console;

namespace QuantBench.Cli.Views;

/// <summary>A live display on a terminal: the whole run with its remaining time, what runs now, and a line per finished cell
/// above.</summary>
/// <param name="console">The terminal.</param>
internal sealed class LiveView(IAnsiConsole console) : IRunView
{
    private readonly Lock _gate = new();
    private ProgressTask? _run;
    private ProgressTask? _now;
    private ProgressContext? _context;

    /// <inheritdoc/>
    public bool ForPeople => true;

    /// <inheritdoc/>
    public Task<RunOutcome> ShowAsync(Func<Task<RunOutcome>> run) => console.Progress()
        .AutoClear(true)
        .HideCompleted(false)
        .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(),
            new RemainingTimeColumn(), new SpinnerColumn())
        .StartAsync(async context =>
        {
            _context = context;
            return await run();
        });

    /// <inheritdoc/>
    public void Report(RunEvent value)
    {
        lock (_gate)
        {
            switch (value)
            {
                case RunEvent.RunStarted s:
                    console.MarkupLineInterpolated($"run [bold]{s.Info.Id}[/] in {s.Folder}");
                    _run = _context?.AddTask($"{s.Cells.Length} cells", maxValue: Math.Max(1, s.Cells.Length));
                    if (_run is not null) _run.Value = s.Finished;
                    break;
                case RunEvent.PreparationStarted p: Show($"prepare {p.Model} {p.Name}"); break;
                case RunEvent.PreparationProgress p: Move($"prepare {p.Model} {p.Name}", p.Value); break;
                case RunEvent.PreparationEnded { Problem: { } problem } p:
                    Hide();
                    console.MarkupLineInterpolated($"[red]![/] {p.Model} {p.Name}: {problem}");
                    break;
                case RunEvent.PreparationEnded { Cached: false } p:
                    Hide();
                    console.MarkupLineInterpolated($"[grey]prepared {p.Model} {p.Name}: {Format.Bytes(p.Bytes)} in {p.Seconds:0.0} s[/]");
                    break;
                case RunEvent.CellStarted c: Show(CellText.Name(c.Cell)); break;
                case RunEvent.CellProgress c: Move(CellText.Name(c.Cell), c.Value); break;
                case RunEvent.CellFinished c:
                    console.MarkupLine(
                        $"{Mark(c.Result.Status)} {Markup.Escape(CellText.Name(c.Result.Cell))}: "
                            + $"{Markup.Escape(CellText.Outcome(c.Result))} [grey]({c.Result.Seconds:0.0} s)[/]");
                    Hide();
                    _run?.Increment(1);
                    break;
                case RunEvent.Warning w: console.MarkupLineInterpolated($"[yellow]warning:[/] {w.Message}"); break;
            }
        }
    }

    // Colour never alone: the sign says it too.
    private static string Mark(CellStatus status) => status switch
    {
        CellStatus.Ok => "[green]✓[/]",
        CellStatus.Unsupported => "[yellow]–[/]",
        _ => "[red]✗[/]",
    };

    // A task of its own for each piece of work, so that its remaining time is its own too; the one before disappears.
    private void Show(string text)
    {
        Hide();
        _now = _context?.AddTask(Markup.Escape(text));
        if (_now is null) return;
        _now.HideWhenCompleted = true;
        _now.IsIndeterminate = true;
    }

    private void Hide()
    {
        if (_now is null) return;
        _now.IsIndeterminate = false;
        _now.Value = _now.MaxValue;
        _now.StopTask();
        _now = null;
    }

    private void Move(string text, EvaluationProgress progress)
    {
        if (_now is null) return;
        _now.Description = $"{Markup.Escape(text)} [grey]{Markup.Escape(CellText.Progress(progress))}[/]";
        _now.IsIndeterminate = progress.Total <= 0;
        if (progress.Total <= 0) return;
        _now.MaxValue = progress.Total;
        // A full bar would complete the task and hide it while its last phase still runs.
        _now.Value = Math.Min(progress.Done, progress.Total * 0.999);
    }
}
