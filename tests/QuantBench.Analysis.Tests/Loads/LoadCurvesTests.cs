using System.Collections.Immutable;
using QuantBench.Analysis.Loads;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;

namespace QuantBench.Analysis.Tests.Loads;

public sealed class LoadCurvesTests
{
    /// <summary>A queue of one server that answers 10 a second at most: waiting is 1 / (10 − rate) s, and power is rate · (10 − rate),
    /// highest at half.</summary>
    private static readonly CellResult[] s_queue = [.. ((double[])[1, 3, 5, 7, 9]).Select(r => Cell("served:a", r, 1000 / (10 - r)))];

    [Fact]
    public void Knee_OfAQueue_IsAtHalfOfItsCapacity()
    {
        LoadCurves curves = LoadCurves.Of(s_queue.Reverse());

        Assert.Equal(5, curves.Knee("served:a")!.Rate.Value);
        Assert.Equal([1.0, 3, 5, 7, 9], curves.Points.Select(p => p.Rate.Value));
        Assert.All(curves.Points, p => Assert.Equal(FrontPlace.On, curves.Place(p))); // each waits longer and answers more
        Assert.Null(curves.Knee("served:b"));
    }

    [Fact]
    public void Knee_IsNotSaid_WhereItLiesBeyondWhatWasMeasured()
    {
        Assert.Null(LoadCurves.Of(s_queue[..3]).Knee("served:a")); // power still rises
        Assert.Null(LoadCurves.Of(s_queue[2..]).Knee("served:a")); // it falls already
        Assert.Null(LoadCurves.Of(s_queue[1..3]).Knee("served:a"));
    }

    [Fact]
    public void Knee_IsAlsoFound_AmongTheLoadsOfASearch()
    {
        // The search saw 9, 7 and 5 requests a second; 1 and 3 were asked for.
        CellResult search = Cell("served:a", 0, 0) with
        {
            Metrics = [Measurement.Of("serve_capacity", 8)],
            Conditions = s_queue[2..].Reverse().SelectMany((c, i) =>
                LoadProbe.ToConditions(1, i + 1, Widened(c, 0.05).Metrics)).ToImmutableSortedDictionary(StringComparer.Ordinal),
        };

        LoadCurves curves = LoadCurves.Of([.. s_queue[..2], search]);

        Assert.Equal([1.0, 3, 5, 7, 9], curves.Points.Select(p => p.Rate.Value));
        LoadPoint knee = curves.Knee("served:a")!;
        Assert.Equal((5, 200.0), (knee.Rate.Value, knee.Latency.Value));
        Assert.Equal("poisson 0/s, probe 1.3", knee.Load);
        Assert.NotNull(knee.PowerInterval);
    }

    [Theory]
    [InlineData(0.01, new double[0])]
    [InlineData(0.1, new double[] { 3, 7 })] // power 21 of 25
    public void NearKnee_AreLoadsThatIntervalsDontTellFromIt(double share, double[] near)
    {
        LoadCurves curves = LoadCurves.Of(s_queue.Select(c => Widened(c, share)));

        Assert.Equal(near, curves.NearKnee("served:a").Select(p => p.Rate.Value));
        Assert.Empty(LoadCurves.Of(s_queue).NearKnee("served:a")); // without intervals nothing is known
    }

    [Fact]
    public void Place_TellsWhatIsBehindFromWhatMayNotBe()
    {
        CellResult best = Widened(Cell("served:a", 8, 100), 0.05);
        CellResult close = Widened(Cell("served:b", 8, 104), 0.05);
        CellResult slow = Widened(Cell("served:c", 8, 200), 0.05);
        CellResult few = Widened(Cell("served:d", 4, 100), 0.05);
        CellResult quick = Widened(Cell("served:e", 2, 50), 0.05);
        LoadCurves curves = LoadCurves.Of([best, close, slow, few, quick]);

        Assert.Equal(
            [("a", FrontPlace.On), ("b", FrontPlace.NotToldFrom), ("c", FrontPlace.Behind), ("d", FrontPlace.Behind), ("e", FrontPlace.On)],
            curves.Points.Select(p => (p.Variant.Scheme.Name, curves.Place(p))).OrderBy(p => p.Name));
    }

    [Fact]
    public void Of_LeavesOutCellsWithoutBothFigures() =>
        Assert.Empty(
            LoadCurves.Of([Cell("served:a", 0, 10), Cell("served:a", 10, 0), Cell("served:a", 1, 1) with { Metrics = [] }]).Points);

    private static CellResult Cell(string variant, double rate, double ms) => new()
    {
        Cell = new Cell("m", Variant.Parse(variant), new BackendId("remote", "openai@http://h:1"), "serve",
            CellSettings.Empty.With("arrivals", "poisson").With("rate", rate)),
        Status = CellStatus.Ok,
        Metrics = [Measurement.Of("requests_per_second", rate), Measurement.Of("serve_ttft", ms)],
    };

    private static CellResult Widened(CellResult cell, double share) => cell with
    {
        Metrics = [.. cell.Metrics.Select(m => m with { Ci95 = [m.Value * (1 - share / 2), m.Value * (1 + share / 2)] })],
    };
}
