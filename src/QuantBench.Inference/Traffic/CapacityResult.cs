using System.Collections.Immutable;

namespace QuantBench.Inference.Traffic;

/// <summary>What a search found.</summary>
/// <param name="Rate">Highest rate that kept the objective, in requests per second.</param>
/// <param name="Low">Highest rate that surely kept it, or the rate itself where none did.</param>
/// <param name="High">Lowest rate above it that surely didn't.</param>
/// <param name="Probes">Every rate that was tried, in order.</param>
/// <param name="Notes">Marks on the figure.</param>
public sealed record CapacityResult(
    double Rate, double Low, double High, ImmutableArray<CapacityProbe> Probes, ImmutableArray<string> Notes);
