using System.Collections.Immutable;
using QuantBench.Core.Traffic;

namespace QuantBench.Inference.Traffic;

/// <summary>What is sent to a server, when.</summary>
public sealed record TrafficPlan
{
    /// <summary>How requests come.</summary>
    public required ArrivalKind Arrivals { get; init; }

    /// <summary>Requests (with several turns: conversations) per second of an open loop.</summary>
    public double Rate { get; init; } = 1;

    /// <summary>Rate at the end of the measured time, reached in a straight line; null = it stays.</summary>
    public double? RampTo { get; init; }

    /// <summary>Shape of gamma distributed distances: 1 is Poisson, less comes in bursts, more is steadier.</summary>
    public double Burstiness { get; init; } = 1;

    /// <summary>Requests at a time of a closed loop.</summary>
    public int Concurrency { get; init; } = 1;

    /// <summary>The requests of a trace.</summary>
    public ImmutableArray<TraceEntry> Trace { get; init; } = [];

    /// <summary>Seconds of load before the measured time.</summary>
    public required double WarmUpSeconds { get; init; }

    /// <summary>Seconds of the measured time.</summary>
    public required double Seconds { get; init; }

    /// <summary>Most requests in the measured time; it then ends early.</summary>
    public int MostRequests { get; init; } = int.MaxValue;

    /// <summary>Lengths of prompts.</summary>
    public required LengthDistribution PromptLengths { get; init; }

    /// <summary>Lengths of answers.</summary>
    public required LengthDistribution OutputLengths { get; init; }

    /// <summary>Share of each prompt that is the same in all, at its start.</summary>
    public double SharedPrefix { get; init; }

    /// <summary>Turns of each conversation.</summary>
    public int Turns { get; init; } = 1;

    /// <summary>Seconds between an answer and the next turn.</summary>
    public double ThinkSeconds { get; init; }

    /// <summary>Longest time of a request in seconds.</summary>
    public required double RequestTimeoutSeconds { get; init; }

    /// <summary>Longest time without any part of a reply in seconds.</summary>
    public required double StallTimeoutSeconds { get; init; }

    /// <summary>Whether requests sent after the measured time are waited for, so that a load that follows finds a server at rest;
    /// otherwise they are dropped.</summary>
    public bool Drains { get; init; }

    /// <summary>Seed of everything that is drawn.</summary>
    public required long Seed { get; init; }

    /// <summary>Requests that are open at once at most; further ones count as failed, they aren't sent.</summary>
    public int MostOpen { get; init; } = 4096;
}
