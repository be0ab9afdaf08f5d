using QuantBench.Analysis.Leaders;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using QuantBench.Results.Store;

namespace QuantBench.Analysis.Tests.Leaders;

public sealed class LeaderboardTests
{
    private static readonly DateTimeOffset s_start = new(2026, 11, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Of_SharesRanks_WhereIntervalsOverlap()
    {
        Leaderboard board = Leaderboard.Of(MetricTable.GenerationSpeed,
        [
            Figure("Q4_0", "a", 100, 95, 105), Figure("Q8_0", "a", 98, 94, 102), Figure("F16", "a", 50, 49, 51),
            Figure("F32", "a", 49, 48, 50),
        ]);

        Assert.Equal([("Q4_0", 1), ("Q8_0", 1), ("F16", 3), ("F32", 3)], board.Rows.Select(r => (r.Figure.Variant, r.Rank!.Value)));
    }

    [Fact]
    public void Of_RanksNothing_ThatIsDisturbedOrOfUnknownError()
    {
        Leaderboard board = Leaderboard.Of(MetricTable.GenerationSpeed,
        [
            Figure("Q4_0", "a", 500, 490, 510, disturbed: true), Figure("Q8_0", "a", 98, 94, 102),
            Figure("F16", "a", 300, 0, 0) with { Interval = null },
        ]);

        Assert.Equal([("F16", null), ("Q8_0", 1), ("Q4_0", (int?)null)], board.Rows.Select(r => (r.Figure.Variant, r.Rank)));
    }

    [Fact]
    public void Of_TakesTheNewestFigure_AndOneWayOfMeasuring()
    {
        Leaderboard board = Leaderboard.Of(MetricTable.Get("ttft"),
        [
            Figure("Q4_0", "a", 10, 9, 11), Figure("Q4_0", "a", 5, 4, 6, day: 1), Figure("Q4_0", "b", 7, 6.5, 7.5),
            Figure("Q4_0", "a", 1, 0.9, 1.1) with { Way = "latency: prompt 16" },
        ]);

        Assert.Equal([5.0, 7.0], board.Rows.Select(r => r.Figure.Value)); // less is better
        Assert.Equal([1, 2], board.Rows.Select(r => r.Rank!.Value));
        Assert.Equal(["latency", "latency: prompt 16"], board.Ways.AsEnumerable());
        Leaderboard other = Leaderboard.Of(MetricTable.Get("ttft"), board.Rows.Select(r => r.Figure)
            .Append(Figure("Q4_0", "a", 1, 0.9, 1.1) with { Way = "latency: prompt 16" }), "latency: prompt 16");
        Assert.Equal(1.0, other.Rows.Single().Figure.Value);
    }

    [Fact]
    public void Figure_LeavesEffortOutOfTheWay()
    {
        var row = new SeriesRow("run", 0, "m", "host", "cell", "model", "gguf:Q4_0", "x/cpu", "latency",
            """{"generate":128,"prompt":512,"threads":2,"time_cap":5}""", 10, null, 9, 11, 2, null);

        Assert.Equal("latency: generate 128, prompt 512", LeaderFigure.Of(row).Way);
        Assert.Null(LeaderFigure.Of(row).Interval); // two observations have none, whatever an earlier build wrote
        Assert.Equal(new Interval(9, 11), LeaderFigure.Of(row with { N = 10 }).Interval);
        Assert.Equal("latency: broken", LeaderFigure.Of(row with { Settings = "broken" }).Way);
    }

    private static LeaderFigure Figure(string variant, string machine, double value, double low, double high, int day = 0,
        bool disturbed = false) =>
        new("model", machine, machine, variant, "x/cpu", "latency", "run", s_start.AddDays(day), value, new Interval(low, high), disturbed);
}
