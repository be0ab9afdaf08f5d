using System.Collections.Immutable;
using QuantBench.Core.Cells;

namespace QuantBench.Core.Suites;

/// <summary>Expands suites to cells.</summary>
public static class Matrix
{
    /// <summary>Every cell of a suite in the order it is measured; no cell twice. Pure.</summary>
    public static ImmutableArray<Cell> Expand(Suite suite) => throw new InvalidOperationException(suite?.Name);
}
