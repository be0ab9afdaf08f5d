using System.Collections.Immutable;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Estimates;
using QuantBench.Core.Limits;

namespace QuantBench.Analysis.Decide;

/// <summary>Where a candidate stands to the Pareto front.</summary>
public enum FrontPlace
{
    /// <summary>No other candidate's estimates are as good on every axis and better on one.</summary>
    Front,

    /// <summary>Another candidate's estimates beat it, but the intervals don't show it: it may belong to the front.</summary>
    MaybeFront,

    /// <summary>Another candidate is shown to be at least as good on every axis and better on one.</summary>
    Beaten,
}

/// <summary>A candidate with a figure on every axis.</summary>
/// <param name="Candidate">The candidate.</param>
/// <param name="Name">Its name in the run.</param>
/// <param name="Figures">One per axis.</param>
/// <param name="Place">Where it stands.</param>
/// <param name="BeatenBy">Name of a candidate that beats it; null on the front.</param>
public sealed record ParetoPoint(Candidate Candidate, string Name, ImmutableArray<Estimate> Figures, FrontPlace Place, string? BeatenBy);

/// <summary>A candidate without a figure on some axis.</summary>
/// <param name="Name">Its name in the run.</param>
/// <param name="Reason">Which axis, and why.</param>
public sealed record ParetoDropped(string Name, string Reason);

/// <summary>The Pareto front of one model.</summary>
/// <param name="Model">Model id.</param>
/// <param name="Axes">The metrics; each has a better direction.</param>
/// <param name="Tolerance">Relative loss on an axis that counts as none.</param>
/// <param name="Points">All candidates with every figure: the front first, then the undecided, then the beaten; by the first axis within
/// each.</param>
/// <param name="Dropped">Those without.</param>
/// <param name="Notes">Choices that were made, e.g. of settings.</param>
public sealed record ParetoFront(
    string Model, ImmutableArray<MetricSelector> Axes, double Tolerance, ImmutableArray<ParetoPoint> Points,
    ImmutableArray<ParetoDropped> Dropped, ImmutableArray<string> Notes);
