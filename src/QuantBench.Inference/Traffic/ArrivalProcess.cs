using QuantBench.Core.Traffic;

namespace QuantBench.Inference.Traffic;

/// <summary>
/// Times at which requests are meant to be sent. Open loops are renewal processes: distances are drawn independently with mean 1, and time
/// is stretched so that the rate at each moment is the wanted one. One seed gives one series on every machine.
/// </summary>
internal static class ArrivalProcess
{
    /// <summary>Seconds from the start, ascending and without end, the first one after one distance.</summary>
    /// <param name="plan">Kind, rate, ramp and burstiness; not <see cref="ArrivalKind.Closed"/> or
    /// <see cref="ArrivalKind.Trace"/>.</param>
    /// <param name="random">Source of the distances.</param>
    public static IEnumerable<double> Seconds(TrafficPlan plan, Random random)
    {
        double sum = 0;
        while (true)
        {
            sum += plan.Arrivals switch
            {
                ArrivalKind.Constant => 1,
                ArrivalKind.Poisson => Exponential(random),
                ArrivalKind.Gamma => Gamma(random, plan.Burstiness) / plan.Burstiness,
                _ => throw new ArgumentException($"{plan.Arrivals} is no renewal process", nameof(plan)),
            };
            yield return TimeOf(plan, sum);
        }
    }

    /// <summary>When so many requests are expected: the inverse of the rate's integral. The rate is the plan's until the warm-up ends,
    /// then goes in a straight line to the ramp's end, and stays there.</summary>
    private static double TimeOf(TrafficPlan plan, double expected)
    {
        if (plan.RampTo is not { } to || to == plan.Rate) return expected / plan.Rate;
        double before = plan.Rate * plan.WarmUpSeconds;
        if (expected <= before) return expected / plan.Rate;
        double left = expected - before;
        double during = (plan.Rate + to) / 2 * plan.Seconds;
        if (left >= during) return plan.WarmUpSeconds + plan.Seconds + ((left - during) / to);
        // rate·t + slope·t²/2 = left
        double slope = (to - plan.Rate) / plan.Seconds;
        double root = Math.Sqrt((plan.Rate * plan.Rate) + (2 * slope * left));
        return plan.WarmUpSeconds + (2 * left / (plan.Rate + root));
    }

    private static double Exponential(Random random) => -Math.Log(1 - random.NextDouble());

    /// <summary>A gamma deviate of scale 1 (Marsaglia and Tsang 2000).</summary>
    private static double Gamma(Random random, double shape)
    {
        if (shape < 1) return Gamma(random, shape + 1) * Math.Pow(1 - random.NextDouble(), 1 / shape);
        double d = shape - (1.0 / 3);
        double c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            double x = Deviates.Normal(random);
            double v = 1 + (c * x);
            if (v <= 0) continue;
            v = v * v * v;
            if (Math.Log(1 - random.NextDouble()) < (0.5 * x * x) + d - (d * v) + (d * Math.Log(v))) return d * v;
        }
    }
}
