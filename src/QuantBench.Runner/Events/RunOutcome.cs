using QuantBench.Core.Runs;

namespace QuantBench.Runner.Events;

/// <summary>How a run ended.</summary>
/// <param name="Info">The run.</param>
/// <param name="Folder">Its folder.</param>
/// <param name="Ok">Cells measured, those of earlier parts of a resumed run included.</param>
/// <param name="Unsupported">Cells that can't run here.</param>
/// <param name="Failed">Cells that failed.</param>
public sealed record RunOutcome(RunInfo Info, string Folder, int Ok, int Unsupported, int Failed)
{
    /// <summary>Whether the user stopped it.</summary>
    public bool Interrupted => Info.Status == RunStatus.Interrupted;
}
