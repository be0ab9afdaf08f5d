using System.Collections.Immutable;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Limits;
using QuantBench.Core.Metrics;
using QuantBench.Core.Profiles;

namespace QuantBench.Analysis.Decide;

/// <summary>How a candidate does under a profile.</summary>
/// <param name="Candidate">The candidate.</param>
/// <param name="Name">Its name in the run.</param>
/// <param name="Checks">Each limit of the profile held against its figures.</param>
/// <param name="Refusals">Why it is out for other reasons than figures: it needs a server, its licence isn't allowed.</param>
/// <param name="Preferred">Its figures of what the profile prefers, in that order.</param>
public sealed record Contender(Candidate Candidate, string Name, ImmutableArray<BoundCheck> Checks, ImmutableArray<string> Refusals,
    ImmutableArray<CandidateFigure> Preferred)
{
    /// <summary>A figure of what is preferred as a loss: less is better; infinite where there is none.</summary>
    /// <param name="profile">The profile.</param>
    /// <param name="metric">Which of its preferred metrics.</param>
    internal double Loss(Profile profile, int metric) => Preferred[metric].Value is not { } value ? double.PositiveInfinity
        : profile.Prefer[metric].Definition.Direction == Direction.Higher ? -value : value;

    /// <summary>Whether every limit is kept by the estimates, and nothing else refuses it.</summary>
    public bool Fits => Refusals.IsEmpty && Checks.All(c => c.Keeps);

    /// <summary>The limits it breaks or can't be held against, worst first.</summary>
    public ImmutableArray<BoundCheck> Broken => [.. Checks.Where(c => !c.Keeps).OrderByDescending(c => c.Use ?? double.PositiveInfinity)];

    /// <summary>Limits that its estimate keeps but its interval doesn't.</summary>
    public ImmutableArray<BoundCheck> Unsure => [.. Checks.Where(c => c.Standing == Standing.KeptNotShown)];
}

/// <summary>A recommendation for one model.</summary>
public sealed record Recommendation
{
    /// <summary>Model id.</summary>
    public required string Model { get; init; }

    /// <summary>The profile.</summary>
    public required Profile Profile { get; init; }

    /// <summary>
    /// Candidates that fit, best first: those shown to keep every limit before those that keep one by its estimate only; then by what
    /// the profile prefers.
    /// </summary>
    public required ImmutableArray<Contender> Ranked { get; init; }

    /// <summary>Those of <see cref="Ranked"/> that another one of them is shown to beat in everything the profile names, with its
    /// name.</summary>
    public required ImmutableDictionary<Contender, string> BeatenBy { get; init; }

    /// <summary>The others, nearest to fitting first.</summary>
    public required ImmutableArray<Contender> Losers { get; init; }

    /// <summary>Candidates that fit and can't be told from the pick in anything the profile prefers.</summary>
    public required ImmutableArray<Contender> Ties { get; init; }

    /// <summary>The nearest of <see cref="Losers"/> that would be picked but for a limit; null when there is none.</summary>
    public Contender? Better { get; init; }

    /// <summary>Which would be picked if the pick's quality weren't good enough: the best that fits and loses less; null when none does
    /// or nothing limits quality.</summary>
    public (BoundCheck Check, Contender Next)? Safer { get; init; }

    /// <summary>Why the profile and the model don't suit each other, in a sentence; null when they do.</summary>
    public string? Misfit { get; init; }

    /// <summary>Choices that were made and things a reader must know, e.g. of which machine the speeds are.</summary>
    public required ImmutableArray<string> Notes { get; init; }

    /// <summary>What to ship; null when nothing fits.</summary>
    public Contender? Pick => Ranked.IsEmpty ? null : Ranked[0];

    /// <summary>When nothing fits: what comes nearest.</summary>
    public Contender? NearestMiss => Ranked.IsEmpty && !Losers.IsEmpty ? Losers[0] : null;
}
