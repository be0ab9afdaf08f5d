using System.Text.Json;
using QuantBench.Analysis.Gates;
using QuantBench.Core;
using QuantBench.Runner.Events;

namespace QuantBench.Cli.Views;

/// <summary>One JSON object per event, for machines.</summary>
/// <param name="output">Standard output.</param>
internal sealed class JsonView(TextWriter output) : IRunView
{
    private readonly Lock _gate = new();

    /// <inheritdoc/>
    public bool ForPeople => false;

    /// <inheritdoc/>
    public Task<RunOutcome> ShowAsync(Func<Task<RunOutcome>> run) => run();

    /// <inheritdoc/>
    public void Report(RunEvent value)
    {
        object? line = value switch
        {
            RunEvent.RunStarted s => new { Event = "run_started", Run = s.Info.Id, s.Folder, Cells = s.Cells.Length, s.Finished },
            RunEvent.PreparationStarted p => new { Event = "preparation_started", p.Model, p.Name },
            RunEvent.PreparationProgress p =>
                new { Event = "preparation_progress", p.Model, p.Name, p.Value.Phase, p.Value.Done, p.Value.Total },
            RunEvent.PreparationEnded p => new { Event = "preparation_ended", p.Model, p.Name, p.Cached, p.Seconds, p.Bytes, p.Problem },
            RunEvent.CellStarted c => new { Event = "cell_started", c.Index, c.Total, c.Cell, c.Launch, c.Launches },
            RunEvent.CellProgress c =>
                new { Event = "cell_progress", c.Index, c.Cell.Id, c.Value.Phase, c.Value.Done, c.Value.Total, c.Value.Detail },
            RunEvent.CellFinished c => new { Event = "cell_finished", c.Index, c.Total, c.Result },
            RunEvent.Warning w => new { Event = "warning", w.Message },
            RunEvent.RunEnded e =>
                new
                {
                    Event = "run_ended",
                    Run = e.Outcome.Info.Id,
                    e.Outcome.Info.Status,
                    e.Outcome.Folder,
                    e.Outcome.Ok,
                    e.Outcome.Unsupported,
                    e.Outcome.Failed
                },
            _ => null,
        };
        if (line is not null) Write(line);
    }

    /// <summary>What the gates of the run's suite come to.</summary>
    /// <param name="gates">The report.</param>
    public void Report(GateReport gates) => Write(new
    {
        Event = "gates",
        Run = gates.RunId,
        gates.Passed,
        Results = gates.Results.Select(r => new { r.Rule.Name, Variant = r.Name, r.Passed, r.Reason }),
        gates.Notes,
    });

    private void Write(object line)
    {
        string json = JsonSerializer.Serialize(line, line.GetType(), Json.Line);
        lock (_gate)
        {
            output.WriteLine(json);
            output.Flush();
        }
    }
}
