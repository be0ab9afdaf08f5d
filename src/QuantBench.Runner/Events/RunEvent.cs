using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Runs;
using QuantBench.Inference.Evaluators;

namespace QuantBench.Runner.Events;

/// <summary>Something a run tells whoever watches it.</summary>
public abstract record RunEvent
{
    private RunEvent()
    {
    }

    /// <summary>The run has its folder; what follows is recorded there.</summary>
    /// <param name="Info">The run.</param>
    /// <param name="Folder">Its folder.</param>
    /// <param name="Cells">Every cell in the order it is measured.</param>
    /// <param name="Finished">Cells that a resumed run finished before.</param>
    public sealed record RunStarted(RunInfo Info, string Folder, ImmutableArray<Cell> Cells, int Finished) : RunEvent
    {
        /// <summary>Which cells those are.</summary>
        public ImmutableArray<CellId> Before { get; init; } = [];
    }

    /// <summary>A preparation began: an artifact, or a reference distribution.</summary>
    /// <param name="Model">Id of the model.</param>
    /// <param name="Name">What is made.</param>
    public sealed record PreparationStarted(string Model, string Name) : RunEvent;

    /// <summary>How far a preparation is.</summary>
    /// <param name="Model">Id of the model.</param>
    /// <param name="Name">What is made.</param>
    /// <param name="Value">Phase and units.</param>
    public sealed record PreparationProgress(string Model, string Name, EvaluationProgress Value) : RunEvent;

    /// <summary>A preparation ended.</summary>
    /// <param name="Model">Id of the model.</param>
    /// <param name="Name">What was made.</param>
    /// <param name="Cached">Whether it was there already.</param>
    /// <param name="Seconds">Seconds it took.</param>
    /// <param name="Bytes">Its bytes; 0 when it failed.</param>
    /// <param name="Problem">Why it failed; null when it didn't.</param>
    public sealed record PreparationEnded(string Model, string Name, bool Cached, double Seconds, long Bytes, string? Problem) : RunEvent;

    /// <summary>A cell's worker is about to start.</summary>
    /// <param name="Index">0-based place in the matrix.</param>
    /// <param name="Total">Cells in all.</param>
    /// <param name="Cell">The cell.</param>
    /// <param name="Launch">Number of the worker among those that measure the cell, from 1.</param>
    /// <param name="Launches">How many there are.</param>
    public sealed record CellStarted(int Index, int Total, Cell Cell, int Launch = 1, int Launches = 1) : RunEvent;

    /// <summary>How far a cell is.</summary>
    /// <param name="Index">0-based place in the matrix.</param>
    /// <param name="Cell">The cell.</param>
    /// <param name="Value">Phase, units, figure so far.</param>
    public sealed record CellProgress(int Index, Cell Cell, EvaluationProgress Value) : RunEvent;

    /// <summary>A cell's result is on the disk.</summary>
    /// <param name="Index">0-based place in the matrix.</param>
    /// <param name="Total">Cells in all.</param>
    /// <param name="Result">The result.</param>
    public sealed record CellFinished(int Index, int Total, CellResult Result) : RunEvent;

    /// <summary>Something the user should know that doesn't stop the run.</summary>
    /// <param name="Message">What.</param>
    public sealed record Warning(string Message) : RunEvent;

    /// <summary>The run ended.</summary>
    /// <param name="Outcome">How.</param>
    public sealed record RunEnded(RunOutcome Outcome) : RunEvent;
}
