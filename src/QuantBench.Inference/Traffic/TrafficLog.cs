using System.Collections.Immutable;

namespace QuantBench.Inference.Traffic;

/// <summary>What a load came to. Times are nanoseconds from its start.</summary>
public sealed record TrafficLog
{
    /// <summary>Every request in the order of sending; those of warm-up and after the measured time included, unfinished ones
    /// not.</summary>
    public required ImmutableArray<RequestRecord> Requests { get; init; }

    /// <summary>Start of the measured time.</summary>
    public required long FromNs { get; init; }

    /// <summary>End of the measured time.</summary>
    public required long ToNs { get; init; }

    /// <summary>Windows in which this process stood still or lagged behind, in order, none overlapping.</summary>
    public required ImmutableArray<(long FromNs, long ToNs)> Stalls { get; init; }

    /// <summary>Requests of the measured time that weren't sent because their moment lay in such a window.</summary>
    public required int Missed { get; init; }

    /// <summary>Requests of the measured time that weren't sent because too many were open.</summary>
    public required int Held { get; init; }

    /// <summary>Milliseconds by which ready work waited for a thread, sampled all through the measured time.</summary>
    public required ImmutableArray<double> DispatchMs { get; init; }

    /// <summary>Before which other threads the sending one went: <c>real-time</c>, <c>raised</c> or <c>as other threads</c>.</summary>
    public required string SendPriority { get; init; }

    /// <summary>How often this process's garbage collector stopped it, all through the load.</summary>
    public int Collections { get; init; }

    /// <summary>Milliseconds for which it did, in all.</summary>
    public double CollectedMs { get; init; }

    /// <summary>Cores that this process kept busy, on the average.</summary>
    public required double CpuShare { get; init; }

    /// <summary>The requests of the measured time: those meant to be sent in it.</summary>
    public IEnumerable<RequestRecord> Measured => Requests.Where(r => r.IntendedNs >= FromNs && r.IntendedNs < ToNs);

    /// <summary>Seconds of the measured time.</summary>
    public double Seconds => (ToNs - FromNs) / 1e9;

    /// <summary>Whether stalls are more than a hundredth of a span, so that its length is partly this process's.</summary>
    /// <param name="fromNs">Its start.</param>
    /// <param name="toNs">Its end.</param>
    public bool IsDisturbed(long fromNs, long toNs) => StalledNs(fromNs, toNs) > (toNs - fromNs) / 100;

    /// <summary>How much of a span lies in stalls.</summary>
    /// <param name="fromNs">Its start.</param>
    /// <param name="toNs">Its end.</param>
    public long StalledNs(long fromNs, long toNs)
    {
        long sum = 0;
        // The first one that ends behind the start.
        int low = 0;
        for (int high = Stalls.Length; low < high;)
        {
            int middle = (low + high) / 2;
            if (Stalls[middle].ToNs <= fromNs) low = middle + 1;
            else high = middle;
        }

        for (; low < Stalls.Length && Stalls[low].FromNs < toNs; low++)
            sum += Math.Min(toNs, Stalls[low].ToNs) - Math.Max(fromNs, Stalls[low].FromNs);
        return sum;
    }
}
