using QuantBench.Analysis.Formatting;
using QuantBench.Runner.Events;

namespace QuantBench.Cli.Views;

/// <summary>Plain lines: one when a preparation or cell starts, one when it ended.</summary>
/// <param name="output">Standard output.</param>
internal sealed class PlainView(TextWriter output) : IRunView
{
    private readonly Lock _gate = new();

    /// <inheritdoc/>
    public bool ForPeople => true;

    /// <inheritdoc/>
    public Task<RunOutcome> ShowAsync(Func<Task<RunOutcome>> run) => run();

    /// <inheritdoc/>
    public void Report(RunEvent value)
    {
        if (Line(value) is not { } line) return;
        lock (_gate)
        {
            output.WriteLine(line);
            output.Flush();
        }
    }

    private static string? Line(RunEvent value) => value switch
    {
        RunEvent.RunStarted s =>
            $"run {s.Info.Id}: {s.Cells.Length} cells{(s.Finished > 0 ? $", {s.Finished} finished before" : "")}; {s.Folder}",
        RunEvent.PreparationStarted p => $"preparing {p.Model} {p.Name} ...",
        RunEvent.PreparationEnded { Problem: { } problem } p => $"preparing {p.Model} {p.Name} failed: {problem}",
        RunEvent.PreparationEnded { Cached: false } p => $"prepared {p.Model} {p.Name}: {Format.Bytes(p.Bytes)} in {p.Seconds:0.0} s",
        RunEvent.CellStarted c => $"[{c.Index + 1}/{c.Total}] {CellText.Name(c.Cell)}"
                + $"{(c.Launches > 1 ? $" (launch {c.Launch} of {c.Launches})" : "")} ...",
        RunEvent.CellFinished c =>
            $"[{c.Index + 1}/{c.Total}] {CellText.Name(c.Result.Cell)}: {CellText.Outcome(c.Result)} ({c.Result.Seconds:0.0} s)",
        RunEvent.Warning w => $"warning: {w.Message}",
        _ => null,
    };
}
