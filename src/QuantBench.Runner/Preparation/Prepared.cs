using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Runner.Registry;

namespace QuantBench.Runner.Preparation;

/// <summary>How a preparation ended: the thing is there, or can't be made here, or making it failed.</summary>
/// <param name="Entry">The artifact's entry; null unless it is there.</param>
/// <param name="Path">Path of the artifact; empty unless it is there.</param>
/// <param name="Status">ok, unsupported, failed or cancelled.</param>
/// <param name="Reason">Why it isn't there.</param>
public sealed record Prepared(RegistryEntry? Entry, string Path, CellStatus Status, string? Reason)
{
    /// <summary>It is there.</summary>
    public static Prepared Ready(RegistryEntry entry, string path) => new(entry, path, CellStatus.Ok, null);

    /// <summary>It is there, and was made from no artifact of ours.</summary>
    public static Prepared Ready(string path) => new(null, path, CellStatus.Ok, null);

    /// <summary>It isn't there, because of an exception.</summary>
    public static Prepared Not(QuantBenchException reason) =>
        Not(reason is UnsupportedException ? CellStatus.Unsupported : CellStatus.Failed, reason.Explanation);

    /// <summary>It isn't there.</summary>
    public static Prepared Not(CellStatus status, string reason) => new(null, "", status, reason);
}
