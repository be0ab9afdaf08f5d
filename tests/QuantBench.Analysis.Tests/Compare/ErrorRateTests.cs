using System.Globalization;
using QuantBench.Analysis.Compare;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using Xunit.Abstractions;

namespace QuantBench.Analysis.Tests.Compare;

/// <summary>How often the interval of a difference holds the truth, and how often a verdict is right, on simulated machines.</summary>
public sealed class ErrorRateTests(ITestOutputHelper output)
{
    private const int Pairs = 4000; // a rate of 5 % is known to ± 0.35 %

    [Theory]
    [InlineData("launches")]
    [InlineData("repetitions alone")]
    [InlineData("bursts")]
    [InlineData("drift")]
    public void Interval_HoldsTheTruth_OfVariantsWithinARun(string machine)
    {
        double rate = Rate(Machine(machine), 1.03, history: 0, oneRun: true, c => c.Holds);

        output.WriteLine($"{machine}: {rate.ToString("P2", CultureInfo.InvariantCulture)}");
        Assert.InRange(rate, 0.935, 0.965);
    }

    [Theory]
    [InlineData("launches")]
    [InlineData("bursts")]
    [InlineData("drift")]
    [InlineData("days")]
    [InlineData("two modes")]
    [InlineData("everything")]
    public void Interval_HoldsTheTruth_OfTwoRuns_WithAHistory(string machine)
    {
        double rate = Rate(Machine(machine), 1.03, history: 12, oneRun: false, c => c.Holds);

        output.WriteLine($"{machine}: {rate.ToString("P2", CultureInfo.InvariantCulture)}");
        Assert.InRange(rate, 0.935, 0.965);
    }

    [Theory]
    [InlineData("two modes", 0, true)]
    [InlineData("two modes", 0, false)]
    [InlineData("launches", 0, false)]
    public void Verdict_IsRarelyWrong_OfIdenticalSpeeds(string machine, int history, bool oneRun)
    {
        double rate = Rate(Machine(machine), 1, history, oneRun, c => c.Called);

        output.WriteLine($"{machine}: {rate.ToString("P2", CultureInfo.InvariantCulture)} better or worse");
        Assert.InRange(rate, 0, 0.06);
    }

    [Theory]
    [InlineData(1.05, 0.01, 0, 0.95)]
    [InlineData(1.02, 0.004, 0, 0.75)]
    [InlineData(1.05, 0.02, 12, 0.60)]
    public void Verdict_FindsADifference(double ratio, double launch, int history, double least)
    {
        double power = Rate(r => new SimulatedMachine(r) { Launch = launch }, ratio, history, history == 0, c => c.Called);

        output.WriteLine($"{ratio}, noise {launch}: found in {power.ToString("P1", CultureInfo.InvariantCulture)}");
        Assert.InRange(power, least, 1);
    }

    [Fact]
    public void SmallestDifference_IsFoundInFourCasesOfFive()
    {
        // The noise of the machine is known here, so the difference to be found can be computed from it.
        RunNoise noise = RunNoise.Of([
            .. Enumerable.Range(0, 400).Select(_ => new SimulatedMachine(_random) { Day = 0.01 }.Run(100)[0].Value)])!.Value;
        double ratio = 1 + (noise with { Degrees = 11 }).SmallestDifference();

        double power = Rate(r => new SimulatedMachine(r) { Day = 0.01 }, ratio, history: 12, oneRun: false, c => c.Called);

        Assert.InRange(power, 0.75, 0.85);
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(1, true)]
    [InlineData(1.05, true)]
    public void Interval_HoldsTheTruth_WhereOtherCellsTellTheNoise(double ratio, bool uneven)
    {
        // As in a small suite: six figures of three launches a side, which vary by about 1.8 %.
        var random = new Random(20261201);
        int holds = 0, called = 0, alone = 0, all = 0;
        for (int i = 0; i < Pairs / 4; i++)
        {
            MetricComparison[] rows =
            [
                .. Enumerable.Range(0, 6).Select(k =>
                {
                    var machine = new SimulatedMachine(random) { Launch = 0.018 * (uneven ? 0.7 + (0.12 * k) : 1) };
                    return Row(machine.Run(100)[0], machine.Run(100 * ratio)[0]);
                }),
            ];
            NoisePrior? prior =
                NoisePrior.Of(rows.Select(r => LaunchDifference.NoiseOf(r.A.Timing!.LaunchValues, r.B.Timing!.LaunchValues)!.Value));
            foreach (MetricComparison row in rows)
            {
                MetricComparison judged = FigureComparer.Compare(row, [], null, prior);
                if (judged.Interval is { } interval && interval.Low <= ratio - 1 && ratio - 1 <= interval.High) holds++;
                if (judged.Verdict.IsShown()) called++;
                if (FigureComparer.Compare(row, []).Verdict.IsShown()) alone++;
                all++;
            }
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"holds {(double)holds / all:P1}, called {(double)called / all:P1}, {(double)alone / all:P1} from its own launches"));
        Assert.InRange((double)holds / all, 0.935, 0.965);
        if (ratio > 1) Assert.InRange(called, (int)(alone * 1.2), all);
    }

    private readonly Random _random = new(7);

    private static MetricComparison Row(Measurement a, Measurement b) => new()
    {
        Cell = "",
        Metric = MetricTable.Get("tg_tps"),
        A = a,
        B = b,
        Verdict = Verdict.NotComparable,
        Note = "",
    };

    private static Func<Random, SimulatedMachine> Machine(string name) => name switch
    {
        "launches" => r => new SimulatedMachine(r),
        "repetitions alone" => r => new SimulatedMachine(r) { Launch = 0, Repetition = 0.02 },
        "bursts" => r => new SimulatedMachine(r) { Bursts = 0.3 },
        "drift" => r => new SimulatedMachine(r) { Drift = 0.02 },
        "days" => r => new SimulatedMachine(r) { Day = 0.02 },
        "two modes" => r => new SimulatedMachine(r) { SlowLaunches = 0.3, Launch = 0.005 },
        _ => r => new SimulatedMachine(r) { Day = 0.015, Drift = 0.02, Bursts = 0.2, SlowLaunches = 0.2 },
    };

    private static double Rate(Func<Random, SimulatedMachine> make, double ratio, int history, bool oneRun,
        Func<(bool Holds, bool Called), bool> what)
    {
        var random = new Random(20261130);
        SimulatedMachine machine = make(random);
        int count = 0;
        for (int i = 0; i < Pairs; i++)
        {
            RunNoise? noise = RunNoise.Of([.. Enumerable.Range(0, history).Select(_ => machine.Run(100)[0].Value)]);
            Measurement[] both = oneRun ? machine.Run(100, 100 * ratio) : [machine.Run(100)[0], machine.Run(100 * ratio)[0]];
            MetricComparison row = FigureComparer.Compare(Row(both[0], both[1]), [], noise);
            bool holds = row.Interval is { } interval && interval.Low <= ratio - 1 && ratio - 1 <= interval.High;
            if (what((holds, row.Verdict is Verdict.Better or Verdict.Worse))) count++;
        }

        return (double)count / Pairs;
    }
}
