using System.Collections.Immutable;

namespace QuantBench.Dashboard.Queries;

/// <summary>How a run stands, as pages say it.</summary>
public enum RunState
{
    /// <summary>Cells are being measured.</summary>
    Running,

    /// <summary>Every cell has a result.</summary>
    Completed,

    /// <summary>Somebody stopped it; it can be gone on with.</summary>
    Stopped,

    /// <summary>Its runner died without a word.</summary>
    Silent,
}

/// <summary>How many cells of a run ended how.</summary>
/// <param name="Ok">Measured.</param>
/// <param name="Failed">Failed.</param>
/// <param name="Unsupported">Can't run there.</param>
/// <param name="Total">Cells in all.</param>
public sealed record RunCounts(int Ok, int Failed, int Unsupported, int Total)
{
    /// <summary>Cells with a result.</summary>
    public int Finished => Ok + Failed + Unsupported;

    /// <summary>Cells without one.</summary>
    public int Waiting => Math.Max(0, Total - Finished);
}

/// <summary>A run in a list.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Suite">Its suite.</param>
/// <param name="MachineId">Its machine.</param>
/// <param name="Host">Host name of the machine.</param>
/// <param name="Started">When it started.</param>
/// <param name="Finished">When it ended; null while it hasn't.</param>
/// <param name="State">How it stands.</param>
/// <param name="Counts">Its cells.</param>
/// <param name="Tags">Its labels.</param>
/// <param name="Note">What somebody wrote about it.</param>
public sealed record RunListItem(
    string Id, string Suite, string MachineId, string Host, DateTimeOffset Started, DateTimeOffset? Finished, RunState State,
    RunCounts Counts,
    ImmutableArray<string> Tags, string Note);
