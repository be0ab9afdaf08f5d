using System.Collections.Immutable;
using QuantBench.Core.Metrics;
using QuantBench.Core.Variants;

namespace QuantBench.Dashboard.Matrix;

/// <summary>What stands in a cell of the matrix.</summary>
public enum MatrixCellKind
{
    /// <summary>A figure.</summary>
    Value,

    /// <summary>The cell measured, but not this metric.</summary>
    Other,

    /// <summary>Failed.</summary>
    Failed,

    /// <summary>Can't run there.</summary>
    Unsupported,

    /// <summary>Cancelled.</summary>
    Cancelled,

    /// <summary>Is being measured.</summary>
    Running,

    /// <summary>Waits.</summary>
    Waiting,

    /// <summary>The suite leaves it out.</summary>
    Absent,
}

/// <summary>One cell.</summary>
/// <param name="CellId">Id of the cell it leads to; null when it leads nowhere.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Text">What is printed.</param>
/// <param name="Step">Tone 0 (weak) to 8 (strong) of a figure, or <see cref="NoTone"/>; of a difference 0 (worse) to 10 (better).</param>
/// <param name="Name">The whole cell in words, for readers who hear it.</param>
/// <param name="Reference">Whether the others are compared with it.</param>
/// <param name="Capped">Whether a cap ended its warm-up or its measuring.</param>
public sealed record MatrixCell(string? CellId, MatrixCellKind Kind, string Text, int Step, string Name, bool Reference, bool Capped)
{
    /// <summary>Step of a figure that can't be called weak or strong.</summary>
    public const int NoTone = -1;
}

/// <summary>A row.</summary>
/// <param name="Variant">The variant.</param>
/// <param name="BitsPerWeight">As printed.</param>
/// <param name="Cells">One per column.</param>
public sealed record MatrixRow(Variant Variant, string BitsPerWeight, ImmutableArray<MatrixCell> Cells);

/// <summary>Rows of one precision class.</summary>
/// <param name="Title">The class with its bits.</param>
/// <param name="Rows">By bits per weight.</param>
public sealed record MatrixGroup(string Title, ImmutableArray<MatrixRow> Rows);

/// <summary>An engine with its devices.</summary>
/// <param name="Engine">Engine name.</param>
/// <param name="Devices">Its devices.</param>
public sealed record MatrixEngine(string Engine, ImmutableArray<string> Devices);

/// <summary>A workload of a model in the run; each has a matrix of its own.</summary>
/// <param name="Key">Its key in addresses.</param>
/// <param name="Title">What it is.</param>
public sealed record MatrixSlice(string Key, string Title);

/// <summary>One metric of a run over variants and backends.</summary>
/// <param name="Metric">The metric.</param>
/// <param name="Unit">Unit that figures are printed in.</param>
/// <param name="Slice">The workload.</param>
/// <param name="Engines">Column heads.</param>
/// <param name="Groups">Rows.</param>
/// <param name="Weakest">Figure of the weakest tone; null when there is no ramp.</param>
/// <param name="Strongest">Figure of the strongest tone.</param>
/// <param name="IsLog">Whether tones are spaced by ratios.</param>
/// <param name="PerColumn">Whether each column has its own scale.</param>
/// <param name="Finding">What it shows, in one sentence.</param>
public sealed record MatrixView(
    MetricDefinition Metric, string Unit, MatrixSlice Slice, ImmutableArray<MatrixEngine> Engines, ImmutableArray<MatrixGroup> Groups,
    string? Weakest, string? Strongest, bool IsLog, bool PerColumn, string Finding)
{
    /// <summary>Variant that the cells are differences to; null = they are figures.</summary>
    public string? Baseline { get; init; }
}
