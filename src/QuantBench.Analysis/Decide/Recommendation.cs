using System.Collections.Immutable;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Limits;
using QuantBench.Core.Profiles;

namespace QuantBench.Analysis.Decide;

/// <summary>How a candidate does under a profile.</summary>
/// <param name="Candidate">The candidate.</param>
/// <param name="Name">Its name in the run.</param>
/// <param name="Checks">Each limit of the profile held against its figures.</param>
/// <param name="Refusals">Why it is out for other reasons than figures: it needs a server, its licence isn't allowed.</param>
/// <param name="Score">Weighted mean share of the limits that it uses, 0 to 1, less is better; null when it doesn't fit.</param>
/// <param name="ScoreError">Standard error of the score, from its figures' errors taken as independent.</param>
public sealed record Contender(Candidate Candidate, string Name, ImmutableArray<BoundCheck> Checks, ImmutableArray<string> Refusals,
    double? Score, double ScoreError)
{
    /// <summary>Whether every limit is kept by the estimates, and nothing else refuses it.</summary>
    public bool Fits => Refusals.IsEmpty && Checks.All(c => c.Keeps);

    /// <summary>The limits it breaks or can't be held against, worst first.</summary>
    public ImmutableArray<BoundCheck> Broken => [.. Checks.Where(c => !c.Keeps).OrderByDescending(c => c.Use ?? double.PositiveInfinity)];

    /// <summary>Limits that its estimate keeps but its interval doesn't.</summary>
    public ImmutableArray<BoundCheck> Unsure => [.. Checks.Where(c => c.Standing == Standing.KeptNotShown)];

    /// <summary>The limit with the largest share used.</summary>
    public BoundCheck? Tightest => Checks.Where(c => c.Use is not null).MaxBy(c => c.Use);
}

/// <summary>At which value of a limit the pick would change.</summary>
/// <param name="Check">The limit, held against the pick.</param>
/// <param name="Next">Who would be picked if the limit were tighter than the pick's figure; null: nobody.</param>
public sealed record Flip(BoundCheck Check, Contender? Next);

/// <summary>A recommendation for one model.</summary>
public sealed record Recommendation
{
    /// <summary>Model id.</summary>
    public required string Model { get; init; }

    /// <summary>The profile.</summary>
    public required Profile Profile { get; init; }

    /// <summary>Candidates that fit, best score first.</summary>
    public required ImmutableArray<Contender> Ranked { get; init; }

    /// <summary>The others, nearest to fitting first.</summary>
    public required ImmutableArray<Contender> Losers { get; init; }

    /// <summary>Candidates that fit whose score can't be told from the pick's.</summary>
    public required ImmutableArray<Contender> Ties { get; init; }

    /// <summary>When the pick changes, for its tightest limit; null when nothing fits.</summary>
    public Flip? Flip { get; init; }

    /// <summary>Choices that were made and things a reader must know, e.g. of which machine the speeds are.</summary>
    public required ImmutableArray<string> Notes { get; init; }

    /// <summary>What to ship; null when nothing fits.</summary>
    public Contender? Pick => Ranked.IsEmpty ? null : Ranked[0];

    /// <summary>When nothing fits: what comes nearest.</summary>
    public Contender? NearestMiss => Ranked.IsEmpty && !Losers.IsEmpty ? Losers[0] : null;
}
