using System.Collections.Immutable;
using QuantBench.Core.Claims;
using QuantBench.Core.Variants;

namespace QuantBench.Analysis.Claims;

/// <summary>What a claim comes to.</summary>
public enum ClaimVerdict
{
    /// <summary>The figures and their intervals show it.</summary>
    Holds,

    /// <summary>The figures and their intervals show the contrary.</summary>
    Fails,

    /// <summary>A figure is missing, or an interval lies on both sides.</summary>
    CantTell,
}

/// <summary>One figure that a claim was held against.</summary>
/// <param name="Variant">The variant it is about.</param>
/// <param name="Figure">The figure with its interval, or why there is none.</param>
/// <param name="Claimed">What was claimed of it.</param>
/// <param name="Verdict">What it comes to.</param>
public sealed record ClaimEvidence(string Variant, string Figure, string Claimed, ClaimVerdict Verdict)
{
    /// <summary>Precision class of the variant; null where the run has none.</summary>
    public PrecisionClass? Class { get; init; }
}

/// <summary>A claim judged for one model, backend and base.</summary>
/// <param name="Claim">The claim.</param>
/// <param name="Model">Model id.</param>
/// <param name="Backend">Backend id.</param>
/// <param name="Base">The base of its differences; null when it has none.</param>
/// <param name="Verdict">What it comes to: it fails if any figure does, else it can't be told if any figure can't.</param>
/// <param name="Evidence">The figures.</param>
/// <param name="Reason">Why it can't be judged here at all; empty when it could.</param>
public sealed record ClaimFinding(Claim Claim, string Model, string Backend, Variant? Base, ClaimVerdict Verdict,
    ImmutableArray<ClaimEvidence> Evidence, string Reason = "");
