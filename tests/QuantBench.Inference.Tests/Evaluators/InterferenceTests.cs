using System.Collections.Immutable;
using Microsoft.Extensions.Time.Testing;
using QuantBench.Core.Machine;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;
using QuantBench.Core.Statistics;
using QuantBench.Inference.Evaluators;
using Xunit.Abstractions;

namespace QuantBench.Inference.Tests.Evaluators;

/// <summary>Timed loops on a machine of which every repetition's interference is told.</summary>
public sealed class InterferenceTests(ITestOutputHelper output)
{
    private static readonly CellSettings s_settings = CellSettings.Empty.With("prompt", 0L).With("generate", 4L)
        .With("repetitions", 10L).With("max_repetitions", 40L).With("time_cap", 1000.0).With("warmup_cap", 0.0);

    [Fact]
    public void Evaluate_LeavesDisturbedRepetitionsOut_AndMakesMore()
    {
        // Every third repetition waits: it takes twice as long.
        Measurement[] metrics = Run(repetition => repetition % 3 == 0, s_settings, out EvaluationResult result);

        (Measurement speed, Measurement token) = (metrics[0], metrics[1]);
        Assert.Null(speed.Mark);
        Assert.Equal(40, speed.Value, 1e-9);
        Assert.Equal(10, speed.N);
        Assert.Equal(15, speed.Samples!.Length);
        Assert.Equal([0, 3, 6, 9, 12], speed.Timing!.DisturbedSamples!);
        Assert.Equal(25, token.Value, 1e-9);
        Assert.Equal(40, token.N); // tokens of the clean repetitions alone
        Assert.Contains(speed.Notes!.Value, n => n.StartsWith("5 of 15 repetitions were disturbed", StringComparison.Ordinal));
        Assert.Equal(5, result.Conditions["repetitions_disturbed"]);
        Assert.Equal("measured", result.Provenance["interference"]);
    }

    [Fact]
    public void Evaluate_MarksTheCell_WhenNearlyAllIsDisturbed_AndEndsAtTheExtendedCap()
    {
        Measurement[] metrics = Run(repetition => repetition % 8 != 0, s_settings.With("max_repetitions", 20L),
            out EvaluationResult result);

        Assert.All(metrics, m => Assert.True(m.IsDisturbed));
        Assert.Equal(40, metrics[0].Samples!.Length); // twice the most
        Assert.Equal(20, metrics[0].Value, 1e-9); // the figure is there, with its mark
        Assert.Equal(50, metrics[1].Value, 1e-9); // and the tokens tell the same
        Assert.Contains(result.Notes, n => n.Contains("disturbed: 35 of 40", StringComparison.Ordinal));
    }

    [Fact]
    public void Evaluate_DoesNotCountWaiting_OfMoreThreadsThanCores()
    {
        Measurement[] metrics = Run(_ => true, s_settings.With("threads", 3L), out _);

        Assert.All(metrics, m => Assert.Null(m.Timing!.DisturbedSamples));
    }

    [Fact]
    public void Evaluate_MarksStalls_ThatTheMachineDoesNotTell()
    {
        // One token in four takes a second: 'tokens take 1 ms' and '4 token/s' can't both be said.
        var clock = new FakeTimeProvider();
        int appends = 0;
        var engine = new ToyEngine { OnAppend = _ => clock.Advance(TimeSpan.FromMilliseconds(appends++ % 4 == 3 ? 1000 : 1)) };

        EvaluationResult result = new LatencyEvaluator().Evaluate(ToyEngine.Context(engine, "latency", clock, s_settings), default);

        Assert.All(result.Metrics.Where(m => m.Name is "tg_tps" or "token_latency"), m => Assert.True(m.IsDisturbed));
        Assert.Equal("not known here", result.Provenance["interference"]);
    }

    [Fact]
    public void Evaluate_NeverGivesASpeedAndALatencyThatContradict()
    {
        int marked = 0;
        for (int seed = 0; seed < 100; seed++)
        {
            var random = new Random(seed);
            double stalls = random.NextDouble() * random.NextDouble();
            double length = Math.Pow(10, random.NextDouble() * 3);
            bool busy = random.Next(2) == 0;
            var clock = new FakeTimeProvider();
            var engine = new ToyEngine
            {
                OnAppend = _ => clock.Advance(TimeSpan.FromMilliseconds(
                    (1 + random.NextDouble()) * (random.NextDouble() < stalls ? length : 1))),
            };
            var machine = new TellingMachine(() => busy && random.NextDouble() < stalls);

            Measurement[][] launches = [.. Enumerable.Range(0, 3).Select(_ => new LatencyEvaluator().Evaluate(
                ToyEngine.Context(engine, "latency", clock, s_settings) with { Machine = machine, Launches = 3 }, default)
                .Metrics.Where(m => m.Name is "tg_tps" or "token_latency").ToArray())];

            foreach (Measurement[] launch in launches) Agree(launch[0], launch[1]);
            (Measurement speed, Measurement latency) = GenerationCheck.Of(MeasurementBuilder.Merge([.. launches.Select(l => l[0])]),
                MeasurementBuilder.Merge([.. launches.Select(l => l[1])]));
            Agree(speed, latency);
            if (speed.IsDisturbed) marked++;
        }

        Assert.InRange(marked, 10, 90); // both kinds were met

        static void Agree(Measurement speed, Measurement latency)
        {
            Assert.Equal(speed.IsDisturbed, latency.IsDisturbed);
            if (!speed.IsDisturbed)
                Assert.InRange(1000 / speed.Value / latency.Value, 1 / GenerationCheck.MostUneven, GenerationCheck.MostUneven);
        }
    }

    [Fact]
    public void Merge_LeavesADisturbedLaunchOut_OfBothFigures()
    {
        CellSettings settings = s_settings.With("max_repetitions", 20L);
        Measurement[][] launches = [.. new[] { true, false, false }.Select(busy => Run(_ => busy, settings, out _))];

        Measurement speed = MeasurementBuilder.Merge([.. launches.Select(l => l[0])]);
        Measurement latency = MeasurementBuilder.Merge([.. launches.Select(l => l[1])]);

        Assert.True(launches[0][1].IsDisturbed);
        Assert.Equal((40, 25), (Math.Round(speed.Value, 6), Math.Round(latency.Value, 6)));
        Assert.Equal((null, null), (speed.Mark, latency.Mark));
    }

    [Fact]
    public void Evaluate_SaysAbout_OfOneRepetition()
    {
        Measurement speed = Run(_ => false, s_settings.With("repetitions", 1L).With("max_repetitions", 1L), out _)[0];

        Assert.Equal(FigureMark.About, speed.Mark);
        Assert.Null(speed.Ci95);
        Assert.Null(speed.Median);
        Assert.Null(speed.StandardDeviation);
    }

    [Fact]
    public void Evaluate_MakesItsShareOfRepetitions_AsOneOfSeveralLaunches()
    {
        var clock = new FakeTimeProvider();
        var engine = new ToyEngine { OnAppend = _ => clock.Advance(TimeSpan.FromMilliseconds(25)) };

        EvaluationResult result = new LatencyEvaluator()
            .Evaluate(ToyEngine.Context(engine, "latency", clock, s_settings) with { Launches = 3 }, default);

        Assert.Equal(4, result.Metrics.Single(m => m.Name == "tg_tps").N);
    }

    [Fact]
    public void Evaluate_KeepsTheLowestAndTheHighestClock()
    {
        var clock = new FakeTimeProvider();
        var engine = new ToyEngine { OnAppend = _ => clock.Advance(TimeSpan.FromMilliseconds(25)) };
        int reading = 0;
        var machine = new TellingMachine(() => false)
        {
            Cores = () => reading++ == 0 ? null : new CoreUse(0, 0) { FastestMegahertz = reading == 4 ? 2450 : 3000 + reading },
        };

        EvaluationResult result = new LatencyEvaluator()
            .Evaluate(ToyEngine.Context(engine, "latency", clock, s_settings) with { Machine = machine }, default);

        Assert.True(reading > 4);
        Assert.Equal((2450, 3000 + reading), (result.Conditions["freq_mhz_fastest_min"], result.Conditions["freq_mhz_fastest_max"]));
    }

    [Fact]
    public void Accounting_CostsAboutAThousandthOfARepetition()
    {
        if (!OperatingSystem.IsLinux()) return;
        using var machine = new TimedMachine();
        // An engine that does nothing but wait, beside as many threads as one on 8 cores has.
        using var stop = new CancellationTokenSource();
        Thread[] threads = [.. Enumerable.Range(0, 8).Select(_ => new Thread(() => stop.Token.WaitHandle.WaitOne()))];
        foreach (Thread thread in threads) thread.Start();
        var engine = new ToyEngine { OnAppend = _ => Thread.Sleep(2) };
        CellSettings settings = s_settings.With("repetitions", 150L).With("max_repetitions", 150L);

        long start = TimeProvider.System.GetTimestamp();
        new LatencyEvaluator().Evaluate(
            ToyEngine.Context(engine, "latency", TimeProvider.System, settings) with { Machine = machine }, default);
        double seconds = TimeProvider.System.GetElapsedTime(start).TotalSeconds;
        stop.Cancel();
        foreach (Thread thread in threads) thread.Join();

        // Of their medians: a reading that lost its core to somebody else says nothing of what it costs.
        double share = (Cost(machine.Interferences) + Cost(machine.Cores)) / seconds;
        output.WriteLine($"{machine.Interferences.Count} + {machine.Cores.Count} readings, {share * 100:0.0000} % of the time");
        Assert.InRange(machine.Interferences.Count, 5, 1000);
        Assert.InRange(share, 0, 0.005); // below 0.001 where nothing else runs; others' work makes reading dearer

        static double Cost(List<double> calls) => Descriptive.Median([.. calls]) * calls.Count;
    }

    [Fact]
    public void NextInterference_SeesThreadsThatWait()
    {
        if (!OperatingSystem.IsLinux()) return;
        using var probe = new MachineProbe(TimeProvider.System);
        _ = probe.NextInterference();
        using var stop = new CancellationTokenSource();
        // More threads than cores: some of them wait.
        Thread[] threads = [.. Enumerable.Range(0, 2 * Environment.ProcessorCount + 2).Select(_ => new Thread(() =>
        {
            while (!stop.IsCancellationRequested) Thread.SpinWait(100);
        }))];
        foreach (Thread thread in threads) thread.Start();
        Thread.Sleep(600);
        _ = probe.NextInterference();
        Thread.Sleep(300);
        Interference? span = probe.NextInterference();
        stop.Cancel();
        foreach (Thread thread in threads) thread.Join();

        Assert.InRange(span!.Value.WaitedShare, 0.5, 1000);
    }

    /// <summary>Runs a generation of 4 tokens of 25 ms each; in disturbed repetitions they take twice as long, waiting.</summary>
    private static Measurement[] Run(Func<int, bool> disturbed, CellSettings settings, out EvaluationResult result)
    {
        var clock = new FakeTimeProvider();
        int appends = 0;
        var engine = new ToyEngine
        {
            OnAppend = _ => clock.Advance(TimeSpan.FromMilliseconds(disturbed(appends++ / 4) ? 50 : 25)),
        };
        int reading = 0;
        var machine = new TellingMachine(() => reading++ is var n && n > 0 && disturbed(n - 1));
        result = new LatencyEvaluator()
            .Evaluate(ToyEngine.Context(engine, "latency", clock, settings) with { Machine = machine }, default);
        return [.. result.Metrics.Where(m => m.Name is "tg_tps" or "token_latency")];
    }

    private sealed class TimedMachine : IMachineProbe, IDisposable
    {
        private readonly MachineProbe _probe = new(TimeProvider.System);

        public List<double> Interferences { get; } = [];

        public List<double> Cores { get; } = [];

        public int UsableCores => _probe.UsableCores;

        public long? ResidentBytes() => null;

        public long? PeakResidentBytes() => null;

        public ImmutableSortedDictionary<string, double> Conditions() => ImmutableSortedDictionary<string, double>.Empty;

        public Interference? NextInterference() => Timed(_probe.NextInterference, Interferences);

        public CoreUse? NextCores(TimeSpan least) => Timed(() => _probe.NextCores(least), Cores);

        public void Dispose() => _probe.Dispose();

        private static T Timed<T>(Func<T> read, List<double> calls)
        {
            long start = TimeProvider.System.GetTimestamp();
            T answer = read();
            calls.Add(TimeProvider.System.GetElapsedTime(start).TotalSeconds);
            return answer;
        }
    }

    private sealed class TellingMachine(Func<bool> disturbed) : IMachineProbe
    {
        public int UsableCores => 2;

        public long? ResidentBytes() => null;

        public long? PeakResidentBytes() => null;

        public ImmutableSortedDictionary<string, double> Conditions() => ImmutableSortedDictionary<string, double>.Empty;

        public Func<CoreUse?>? Cores { get; init; }

        public Interference? NextInterference() => new Interference(0.1, disturbed() ? 0.05 : 0.001, 0, 0);

        public CoreUse? NextCores(TimeSpan least) => Cores?.Invoke();
    }
}
