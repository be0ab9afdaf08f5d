using System.Globalization;

namespace QuantBench.Inference.Traffic;

/// <summary>One rate that was tried.</summary>
/// <param name="Rate">Requests per second; of the first one, which is a closed loop, those that were answered.</param>
/// <param name="Log">What it came to.</param>
/// <param name="Kept">Whether the objective was kept; null = it wasn't asked.</param>
/// <param name="Sure">Whether chance is ruled out (95 %).</param>
/// <param name="Reason">What decided.</param>
public sealed record CapacityProbe(double Rate, TrafficLog Log, bool? Kept, bool Sure, string Reason)
{
    /// <summary>One line about it.</summary>
    public string Text => string.Create(CultureInfo.InvariantCulture,
        $"{Rate:0.###}/s {(Kept switch { true => "kept", false => "not kept", _ => "answered" })}{(Sure ? "" : ", unsure")}: {Reason}");
}
