using System.Collections.Immutable;
using QuantBench.Core.Machine;
using QuantBench.Inference.Evaluators;

namespace QuantBench.Inference.Tests.Evaluators;

/// <summary>What disturbs a machine while a load runs on it.</summary>
public sealed class LoadWatchTests
{
    private const string Here = "openai@http://127.0.0.1:8080";
    private const string Elsewhere = "openai@http://10.0.0.1:8080";

    [Theory]
    [InlineData(Here, true)]
    [InlineData("openai@http://[::1]:8080", true)]
    [InlineData("ollama@http://localhost:11434", true)]
    [InlineData("openai@llama-server", true)] // one that the run starts
    [InlineData(Elsewhere, false)]
    [InlineData("openai@http://gpu.example.com:8080", false)]
    public void IsHere_TellsThisMachinesServers(string device, bool here) => Assert.Equal(here, LoadWatch.IsHere(device));

    [Theory]
    [InlineData(Here, 0.9, 0.02, 0, 0.0, false)] // the server is one of the others
    [InlineData(Elsewhere, 0.9, 0.02, 0, 0.0, true)]
    [InlineData(Elsewhere, 0.2, 0.02, 0, 0.0, false)]
    [InlineData(Here, 0.0, 0.2, 0, 0.0, true)]
    [InlineData(Here, 0.0, 0.02, 3, 0.0, true)]
    [InlineData(Here, 0.0, 0.02, 0, 0.3, true)]
    public void Read_MarksWhatDisturbs(string device, double other, double stolen, long throttled, double waited, bool disturbed)
    {
        LoadWatch watch = Watch(device, _ => new CoreUse(other, stolen) { ThrottleEvents = throttled, MemoryPressure = waited }, 1);

        Assert.Equal(disturbed, watch.Windows.Length > 0);
        Assert.Equal(disturbed, watch.Note is not null);
        Assert.Equal(stolen, watch.Conditions.Single(c => c.Key == "steal_share_max").Value);
        Assert.Equal(device == Elsewhere, watch.Conditions.Any(c => c.Key == "other_share_max"));
    }

    [Fact]
    public void Read_JoinsNeighbours_AndPartsWhatACalmTimeParts()
    {
        // Disturbed, disturbed, calm, disturbed.
        LoadWatch watch = Watch(Here, i => new CoreUse(0, i == 2 ? 0 : 0.5), 4);

        Assert.Equal(2, watch.Windows.Length);
        (long FromNs, long ToNs) first = watch.Windows[0];
        (long FromNs, long ToNs) last = watch.Windows[1];
        Assert.Equal(0, first.FromNs);
        Assert.True(first.ToNs < last.FromNs && last.FromNs < last.ToNs);
        Assert.Contains("disturbed", watch.Note, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_SaysNothing_WhereTheMachineTellsNothing()
    {
        LoadWatch watch = Watch(Elsewhere, _ => null, 1);

        Assert.Empty(watch.Windows);
        Assert.Empty(watch.Conditions);
        Assert.Null(watch.Note);
    }

    /// <summary>Watches for so many readings.</summary>
    private static LoadWatch Watch(string device, Func<int, CoreUse?> use, int readings)
    {
        var machine = new Cores(use);
        EvaluationContext context = ToyEngine.Context(new ToyEngine(), "serve", TimeProvider.System) with
        {
            Machine = machine,
            ServerDevice = device,
        };
        var watch = new LoadWatch(context);
        using (watch)
        {
            // The last one is made at the end.
            Assert.True(SpinWait.SpinUntil(() => machine.Readings >= readings - 1, TimeSpan.FromSeconds(30)), "it doesn't read");
        }

        return watch;
    }

    private sealed class Cores(Func<int, CoreUse?> use) : IMachineProbe
    {
        private bool _begun;
        private int _readings;

        public int Readings => Volatile.Read(ref _readings);

        public int UsableCores => 2;

        public long? ResidentBytes() => null;

        public long? PeakResidentBytes() => null;

        public ImmutableSortedDictionary<string, double> Conditions() => ImmutableSortedDictionary<string, double>.Empty;

        public Interference? NextInterference() => null;

        public CoreUse? NextCores(TimeSpan least)
        {
            // The first call only begins the span.
            if (!_begun)
            {
                _begun = true;
                return null;
            }

            return use(Interlocked.Increment(ref _readings) - 1);
        }
    }
}
