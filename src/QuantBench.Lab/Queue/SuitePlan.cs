using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Suites;
using QuantBench.Runner.Runs;

namespace QuantBench.Lab.Queue;

/// <summary>What a run would measure.</summary>
public static class SuitePlan
{
    /// <summary>The cells of a suite in the order they are measured, after the command line's changes.</summary>
    /// <param name="suite">The suite.</param>
    /// <param name="only">Patterns that narrow it.</param>
    /// <param name="threads">CPU threads of every cell; null = as the suite says.</param>
    public static ImmutableArray<Cell> CellsOf(Suite suite, IEnumerable<string> only, int? threads) =>
        SuiteRunner.CellsOf(suite, only, threads);
}
