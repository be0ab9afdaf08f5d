using QuantBench.Analysis.Formatting;
using QuantBench.Core.Cells;
using QuantBench.Inference.Evaluators;
using QuantBench.Runner.Events;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace QuantBench.Cli.Views;

/// <summary>A live display on a terminal: the whole run with its remaining time, what runs now, and a line per finished cell
/// above.</summary>
/// <param name="console">The terminal.</param>
/// <param name="clock">The one clock.</param>
/// <param name="history">Seconds that cells took in an earlier run here.</param>
internal sealed class LiveView(
    IAnsiConsole console, TimeProvider clock, Func<RunEvent.RunStarted, IReadOnlyDictionary<CellId, double>> history) : IRunView
{
    private static readonly TimeSpan s_tick = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly RunTimes _times = new(clock);
    private LiveDisplayContext? _live;
    private RunEvent.CellStarted? _cell;
    private Func<int, string>? _now;
    private double _share;

    /// <inheritdoc/>
    public bool ForPeople => true;

    /// <inheritdoc/>
    public Task<RunOutcome> ShowAsync(Func<Task<RunOutcome>> run) => console.Live(new Text("")).AutoClear(true).StartAsync(async live =>
    {
        lock (_gate) _live = live;
        using var stop = new CancellationTokenSource();
        Task ticking = TickAsync(stop.Token);
        try
        {
            return await run();
        }
        finally
        {
            await stop.CancelAsync();
            await ticking;
            lock (_gate) _live = null;
        }
    });

    /// <inheritdoc/>
    public void Report(RunEvent value)
    {
        lock (_gate)
        {
            if (value is RunEvent.RunStarted started) _times.Start(started, history(started));
            _times.Take(value);
            _now = value switch
            {
                RunEvent.PreparationStarted p => width => ProgressText.Preparing(p.Model, p.Name, null, width),
                RunEvent.PreparationProgress p => width => ProgressText.Preparing(p.Model, p.Name, p.Value, width),
                RunEvent.CellStarted c => Cell(c, null),
                RunEvent.CellProgress c when _cell is { } of && of.Index == c.Index => Cell(of, c.Value),
                RunEvent.Warning => _now,
                _ => null,
            };
            if (Line(value) is { } line) console.MarkupLine(line);
            Draw();
        }
    }

    private Func<int, string> Cell(RunEvent.CellStarted started, EvaluationProgress? progress)
    {
        _cell = started;
        string launch = started.Launches > 1 ? $"{started.Launch} of {started.Launches}" : "";
        return width => ProgressText.Now(started.Cell, launch, progress, width);
    }

    private static string? Line(RunEvent value) => value switch
    {
        RunEvent.RunStarted s => $"run [bold]{Markup.Escape(s.Info.Id)}[/] in {Markup.Escape(s.Folder)}",
        RunEvent.PreparationEnded { Problem: { } problem } p => $"[red]![/] {Markup.Escape($"{p.Model} {p.Name}: {problem}")}",
        RunEvent.PreparationEnded { Cached: false } p =>
            $"[grey]{Markup.Escape($"prepared {p.Model} {p.Name}: {Format.Bytes(p.Bytes)} in {p.Seconds:0.0} s")}[/]",
        RunEvent.CellFinished c => $"{Mark(c.Result.Status)} {Markup.Escape(CellText.Name(c.Result.Cell))}: "
            + $"{Markup.Escape(CellText.Outcome(c.Result))} [grey]({c.Result.Seconds:0.0} s)[/]",
        RunEvent.Warning w => $"[yellow]warning:[/] {Markup.Escape(w.Message)}",
        _ => null,
    };

    // Colour never alone: the sign says it too.
    private static string Mark(CellStatus status) => status switch
    {
        CellStatus.Ok => "[green]✓[/]",
        CellStatus.Unsupported => "[yellow]–[/]",
        _ => "[red]✗[/]",
    };

    // The time left shrinks while a worker says nothing.
    private async Task TickAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(s_tick, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stop))
            {
                lock (_gate) Draw();
            }
        }
        catch (OperationCanceledException)
        {
            // The run has ended.
        }
    }

    private void Draw()
    {
        if (_live is null || _times.Cells == 0) return;
        // The last column stays free: some terminals break a line that fills it.
        int width = Math.Max(1, console.Profile.Width - 1);
        _share = Math.Max(_share, _times.Share);
        List<IRenderable> lines = [new Text(ProgressText.Whole(_times, _share, width))];
        if (_now is not null) lines.Add(new Text(_now(width)));
        _live.UpdateTarget(new Rows(lines));
    }
}
