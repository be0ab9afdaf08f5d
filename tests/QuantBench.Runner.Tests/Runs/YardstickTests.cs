using Microsoft.Extensions.Time.Testing;
using QuantBench.Core.Cells;
using QuantBench.Core.Machine;
using QuantBench.Core.Settings;
using QuantBench.Core.Statistics;
using QuantBench.Core.Variants;
using QuantBench.Runner.Runs;
using QuantBench.TestKit;

namespace QuantBench.Runner.Tests.Runs;

public sealed class YardstickTests : IDisposable
{
    private readonly TemporaryDirectory _cache = new();

    public void Dispose() => _cache.Dispose();

    [Theory]
    [InlineData(100, 50, null)]
    [InlineData(93, 41, null)]
    [InlineData(83, 50, "integer products) ran 17 % slower")]
    [InlineData(70, 50, "integer products) ran 30 % slower")]
    [InlineData(100, 35, "reading memory) ran 30 % slower")]
    [InlineData(130, 50, "integer products) ran 30 % faster")]
    public void Check_MarksWhatWasMeasured_WhileTheMachineWasNotItself(double dot, double stream, string? mark)
    {
        for (int i = 0; i < 20; i++) new YardstickHistory(_cache.Path, "m").Add(new YardstickReading(98 + (i % 5), 50));
        var check = new YardstickCheck(() => new YardstickReading(dot, stream), new YardstickHistory(_cache.Path, "m"),
            TimeProvider.System);

        check.Start();
        CellResult result = check.End(Cell());

        Assert.Equal((dot, stream), (result.Conditions[Yardstick.DotCondition], result.Conditions[Yardstick.StreamCondition]));
        Assert.Equal(mark is not null, result.IsDisturbed);
        if (mark is not null) Assert.Contains(mark, Assert.Single(result.Notes!.Value), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(120, null)]
    [InlineData(100, null)]
    [InlineData(111, null)]
    [InlineData(80, "ran 34 % slower")]
    public void Odd_KnowsEachSpeedThatTheMachineOftenHas(double dot, string? mark)
    {
        var history = new YardstickHistory(_cache.Path, "m");
        for (int i = 0; i < 40; i++) history.Add(new YardstickReading(i % 4 == 0 ? 99 : 121, 50));
        string? odd = history.Odd(new YardstickReading(dot, 50));

        if (mark is null) Assert.Null(odd);
        else Assert.Contains(mark, odd, StringComparison.Ordinal);
    }

    [Fact]
    public void End_MarksALaunch_DuringWhichTheMachineChanged()
    {
        var readings = new Queue<YardstickReading>([new(120, 50), new(100, 50)]);
        var check = new YardstickCheck(readings.Dequeue, new YardstickHistory(_cache.Path, "m"), TimeProvider.System);

        check.Start();
        CellResult result = check.End(Cell());

        Assert.True(result.IsDisturbed);
        Assert.Contains("changed by 20 % while this was measured", Assert.Single(result.Notes!.Value), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(105, false)]
    [InlineData(120, true)]
    public void MarkIfChanged_MarksACell_BetweenWhoseLaunchesTheMachineChanged(double second, bool marked)
    {
        CellResult[] launches = [.. new[] { 100, second }.Select(speed =>
            Cell() with { Conditions = Cell().Conditions.SetItem(Yardstick.DotCondition, speed) })];

        Assert.Equal(marked, YardstickCheck.MarkIfChanged(LaunchMerge.Of(launches), launches).IsDisturbed);
    }

    [Fact]
    public void Check_MarksNothing_OnAMachineItDoesNotKnow()
    {
        new YardstickHistory(_cache.Path, "another").Add(new YardstickReading(1, 1));
        var readings = new Queue<YardstickReading>([new(10, 5), new(10, 5)]);
        var check = new YardstickCheck(readings.Dequeue, new YardstickHistory(_cache.Path, "m"), TimeProvider.System);

        check.Start();

        Assert.False(check.End(Cell()).IsDisturbed);
    }

    [Fact]
    public void Start_TakesTheLastReading_UnlessTimeHasPassed()
    {
        var clock = new FakeTimeProvider();
        int readings = 0;
        var check = new YardstickCheck(() => new YardstickReading(++readings, 50), new YardstickHistory(_cache.Path, "m"), clock);

        check.Start();
        check.End(Cell());
        check.Start();
        CellResult second = check.End(Cell());
        clock.Advance(TimeSpan.FromSeconds(5));
        check.Start();

        Assert.Equal(2.5, second.Conditions[Yardstick.DotCondition]); // between the second and the third
        Assert.Equal(4, readings);
    }

    [Fact]
    public void Measure_GivesSpeeds()
    {
        YardstickReading reading = new Yardstick(TimeProvider.System).Measure();

        Assert.True(reading is { Dot: > 1e6, Stream: > 1e6 });
    }

    private static CellResult Cell() => new()
    {
        Cell = new Cell("m", Variant.Parse("gguf:F16"), new BackendId("fake", "cpu"), "latency", CellSettings.Empty),
        Status = CellStatus.Ok,
        Metrics = [MeasurementBuilder.FromSamples("tg_tps", [1, 2, 3])],
    };
}
