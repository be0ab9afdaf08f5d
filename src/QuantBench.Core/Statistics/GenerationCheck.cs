using QuantBench.Core.Metrics;

namespace QuantBench.Core.Statistics;

/// <summary>
/// Keeps the two figures of a generation from contradicting each other. Where the tokens' median and the whole tell different stories, most
/// of the time went into a few stalls, or the machine changed in between, and neither is the engine's speed.
/// </summary>
public static class GenerationCheck
{
    /// <summary>Time per token of whole generations over the tokens' median: more, or as much less, is no speed.</summary>
    public const double MostUneven = 1.5;

    /// <summary>Both figures as they are, or both marked as disturbed.</summary>
    /// <param name="speed">Tokens per second of whole generations.</param>
    /// <param name="latency">Milliseconds of single tokens of the same generations.</param>
    public static (Measurement Speed, Measurement Latency) Of(Measurement speed, Measurement latency)
    {
        ArgumentNullException.ThrowIfNull(speed);
        ArgumentNullException.ThrowIfNull(latency);
        if (speed.IsDisturbed || latency.IsDisturbed)
        {
            return (speed.IsDisturbed ? speed : MeasurementBuilder.AsDisturbed(speed, "so were its tokens"),
                latency.IsDisturbed ? latency : MeasurementBuilder.AsDisturbed(latency, "so were the repetitions it comes from"));
        }

        double ratio = 1000 / speed.Value / latency.Value;
        if (ratio is > 1 / MostUneven and < MostUneven) return (speed, latency);
        string why = $"half of the tokens took {latency.Value:0.###} ms or less, but a generation took "
            + $"{1000 / speed.Value:0.###} ms per token";
        return (MeasurementBuilder.AsDisturbed(speed, why), MeasurementBuilder.AsDisturbed(latency, why));
    }
}
