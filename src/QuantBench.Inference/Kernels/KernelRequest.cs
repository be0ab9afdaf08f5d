using System.Collections.Immutable;

namespace QuantBench.Inference.Kernels;

/// <summary>Kernels to time; every name in it is known.</summary>
public sealed record KernelRequest
{
    /// <summary>Block types.</summary>
    public required ImmutableArray<string> Types { get; init; }

    /// <summary>Operations.</summary>
    public required ImmutableArray<string> Ops { get; init; }

    /// <summary>Sizes of the weight matrix.</summary>
    public required ImmutableArray<string> Shapes { get; init; }

    /// <summary>Engines with devices.</summary>
    public required ImmutableArray<string> Backends { get; init; }

    /// <summary>Vectors that matmat multiplies at once.</summary>
    public required int Tokens { get; init; }

    /// <summary>CPU threads; 0 = all.</summary>
    public required int Threads { get; init; }

    /// <summary>Whether the same weights are used each time.</summary>
    public required bool Hot { get; init; }

    /// <summary>Whether a look is enough.</summary>
    public required bool Short { get; init; }
}
