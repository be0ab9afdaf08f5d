using QuantBench.Core.Runs;

namespace QuantBench.Results.Reading;

/// <summary>A run in the store.</summary>
/// <param name="Info">What its <c>run.json</c> said when it was last recorded.</param>
/// <param name="Folder">Absolute path its folder has, if it is here.</param>
/// <param name="Ok">Cells measured.</param>
/// <param name="Failed">Cells failed.</param>
/// <param name="Unsupported">Cells that can't run there.</param>
public sealed record StoredRun(RunInfo Info, string Folder, int Ok, int Failed, int Unsupported);
