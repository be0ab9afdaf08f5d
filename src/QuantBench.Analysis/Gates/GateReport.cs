using System.Collections.Immutable;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Limits;
using QuantBench.Core.Gates;

namespace QuantBench.Analysis.Gates;

/// <summary>How one gate did on one variant.</summary>
/// <param name="Rule">The gate.</param>
/// <param name="Candidate">The variant on its backend; null when no variant of the run matches the gate.</param>
/// <param name="Name">Its name in the run.</param>
/// <param name="Checks">One per limit; empty when there is no figure.</param>
/// <param name="Passed">Whether it keeps the gate.</param>
/// <param name="Reason">Why it fails, or what isn't shown about its passing; empty when it is plainly kept.</param>
public sealed record GateResult(GateRule Rule, Candidate? Candidate, string Name, ImmutableArray<BoundCheck> Checks, bool Passed,
    string Reason)
{
    /// <summary>Whether a figure could be judged at all.</summary>
    public bool HasFigure => !Checks.IsEmpty && Checks.All(c => c.Standing != Standing.NoFigure);
}

/// <summary>All gates of a run.</summary>
/// <param name="RunId">The run.</param>
/// <param name="BaselineId">The baseline run; null when none was given.</param>
/// <param name="Results">One per gate and variant, in the order of the gates.</param>
/// <param name="Notes">Choices that were made.</param>
public sealed record GateReport(string RunId, string? BaselineId, ImmutableArray<GateResult> Results, ImmutableArray<string> Notes)
{
    /// <summary>Whether every gate is kept.</summary>
    public bool Passed => Results.All(r => r.Passed);
}
