using System.Collections.Immutable;
using QuantBench.Results.Folders;

namespace QuantBench.Results.Store;

/// <summary>What a reindex did.</summary>
/// <param name="Runs">Runs indexed.</param>
/// <param name="Cells">Cells indexed.</param>
/// <param name="Skipped">Folders that couldn't be read, with their problem; the other runs are indexed.</param>
public sealed record ReindexReport(int Runs, int Cells, ImmutableArray<RunEntry> Skipped);
