using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;

namespace QuantBench.Analysis.Tests.Compare;

/// <summary>A machine that times something, with what real ones do to it; seeded, so that rates are the same each time.</summary>
internal sealed class SimulatedMachine(Random random)
{
    /// <summary>Noise of single repetitions.</summary>
    public double Repetition { get; init; } = 0.01;

    /// <summary>What differs between processes.</summary>
    public double Launch { get; init; } = 0.01;

    /// <summary>Share of processes that are slower by <see cref="SlowMode"/>, whose memory lies badly.</summary>
    public double SlowLaunches { get; init; }

    public double SlowMode { get; init; } = 0.05;

    /// <summary>What differs between days.</summary>
    public double Day { get; init; }

    /// <summary>How far the speed drifts over a run, at most, up or down.</summary>
    public double Drift { get; init; }

    /// <summary>Share of repetitions in a burst of other work, which halves the speed and is noticed.</summary>
    public double Bursts { get; init; }

    /// <summary>The figures of one run: one per true speed, their launches taking turns.</summary>
    public Measurement[] Run(params double[] speeds)
    {
        const int launches = 3;
        const int repetitions = 5;
        double day = Day * Normal();
        double drift = Drift * ((2 * random.NextDouble()) - 1);
        var samples = speeds.Select(_ => new List<double>()).ToArray();
        var disturbed = speeds.Select(_ => new List<int>()).ToArray();
        for (int launch = 0; launch < launches; launch++)
        {
            for (int i = 0; i < speeds.Length; i++)
            {
                double at = ((launch * speeds.Length) + i) / (double)(launches * speeds.Length);
                double level = day + (drift * at) + (Launch * Normal()) - (random.NextDouble() < SlowLaunches ? SlowMode : 0);
                for (int k = 0; k < repetitions; k++)
                {
                    bool burst = random.NextDouble() < Bursts;
                    if (burst) disturbed[i].Add(samples[i].Count);
                    samples[i].Add(speeds[i] * Math.Exp(level + (Repetition * Normal())) * (burst ? 0.5 : 1));
                }
            }
        }

        int[] counts = [.. Enumerable.Repeat(repetitions, launches)];
        return [.. samples.Zip(disturbed).Select(s => MeasurementBuilder.FromLaunches("tg_tps", [.. s.First], counts, [.. s.Second]))];
    }

    private double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
