using QuantBench.Analysis.Compare;
using QuantBench.Core.Cells;
using QuantBench.Core.Machine;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;
using QuantBench.SampleData;

namespace QuantBench.Analysis.Tests.Compare;

/// <summary>Comparisons of two runs of a machine on which the speed of a cell moves from day to day.</summary>
public sealed class MachineHistoryTests : IDisposable
{
    private static readonly double[] s_days = [100, 104, 97, 102, 95, 103, 99, 101];

    private readonly TemporaryFolder _root = new();

    public void Dispose() => _root.Dispose();

    [Fact]
    public void Compare_ShowsNoDifference_ThatIsDayToDayNoise()
    {
        // Launches of a day agree within 0.1 %: alone they would call 4 % a difference.
        (RunRecord a, RunRecord b) = (Run("a", 100), Run("b", 104));
        using AggregateReader reader = Store(s_days);

        MetricComparison without = RunComparer.Compare(new ComparisonSide(a), new ComparisonSide(b)).Rows.Single();
        MetricComparison with = RunComparer.Compare(new ComparisonSide(a), new ComparisonSide(b), new MachineHistory(reader)).Rows.Single();

        Assert.Equal(Verdict.Better, without.Verdict);
        Assert.Equal(Verdict.NotToldApart, with.Verdict);
        Assert.Contains("noise between 8 runs of this cell on this machine", with.Note, StringComparison.Ordinal);
        Assert.Equal(0.04, with.Difference!.Value, 1e-9);
    }

    [Fact]
    public void Compare_ShowsADifference_LargerThanTheNoiseBetweenRuns_EvenFromOneLaunch()
    {
        using AggregateReader reader = Store(s_days);
        RunRecord a = Run("a", 100, launches: 1);
        RunRecord b = Run("b", 80, launches: 1);

        MetricComparison without = RunComparer.Compare(new ComparisonSide(a), new ComparisonSide(b)).Rows.Single();
        MetricComparison with = RunComparer.Compare(new ComparisonSide(a), new ComparisonSide(b), new MachineHistory(reader)).Rows.Single();

        Assert.Equal(Verdict.NoErrorKnown, without.Verdict);
        Assert.Contains("can't tell from one launch a side", without.Note, StringComparison.Ordinal);
        Assert.Equal(Verdict.Worse, with.Verdict);
    }

    [Fact]
    public void Of_DoesNotTakeAChangeOfLevel_ForNoise_NorTheRunsThatAreCompared()
    {
        using AggregateReader reader = Store([100, 100.2, 99.9, 100.1, 99.8, 150, 150.1, 149.7, 150.3, 150.2]);
        var history = new MachineHistory(reader);
        CellResult cell = Run("a", 1).Cells[0];

        RunNoise noise = history.Of("machine", cell.Cell.Id.Value, MetricTable.GenerationSpeed)!.Value;

        Assert.InRange(noise.Deviation, 0.0005, 0.005);
        Assert.Equal(8, noise.Degrees);
        Assert.Equal(9, history.Of("machine", cell.Cell.Id.Value, MetricTable.GenerationSpeed, "run-3")!.Value.Runs);
        Assert.Null(history.Of("another", cell.Cell.Id.Value, MetricTable.GenerationSpeed));
    }

    [Fact]
    public void Compare_GivesADisturbedFigure_NoVerdict()
    {
        RunRecord a = Run("a", 100);
        RunRecord b = Run("b", 50);
        b = b with { Cells = [b.Cells[0] with { Metrics = [MeasurementBuilder.AsDisturbed(b.Cells[0].Metrics[0], "a build")] }] };

        MetricComparison row = RunComparer.Compare(new ComparisonSide(a), new ComparisonSide(b)).Rows.Single();

        Assert.Equal(Verdict.NoErrorKnown, row.Verdict);
        Assert.Contains("disturbed", row.Note, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(36.4, Verdict.Worse, 0)]
    [InlineData(30.2, Verdict.NotToldApart, 20)]
    public void Compare_TakesTheMachinesOwnChangeOfSpeed_ForNoOnesDifference(double yardstick, Verdict verdict, int per)
    {
        // Launches agree within 0.1 %, and the second run is 16 % slower.
        (RunRecord a, RunRecord b) = (Run("a", 100), Run("b", 84));
        a = a with { Cells = [a.Cells[0] with { Conditions = a.Cells[0].Conditions.SetItem(Yardstick.DotCondition, 36.2) }] };
        b = b with { Cells = [b.Cells[0] with { Conditions = b.Cells[0].Conditions.SetItem(Yardstick.DotCondition, yardstick) }] };
        using AggregateReader reader = Store([100, 100.2, 99.9, 100.1, 99.8, 100]);

        MetricComparison alone = RunComparer.Compare(new ComparisonSide(a), new ComparisonSide(b)).Rows.Single();
        MetricComparison known = RunComparer.Compare(new ComparisonSide(a), new ComparisonSide(b), new MachineHistory(reader)).Rows[0];

        // What pages and `compare` read is the store.
        using (ResultStore store = ResultStore.Open(_root.Path))
        {
            foreach (RunRecord run in (RunRecord[])[a, b]) store.IndexWhole(run.Info, run.Info.Id, run.Cells);
        }

        MetricComparison stored = RunComparer.Compare(
            new ComparisonSide(reader.Load(a.Info.Id)), new ComparisonSide(reader.Load(b.Info.Id))).Rows.Single();

        Assert.Equal((verdict, verdict, verdict), (alone.Verdict, known.Verdict, stored.Verdict));
        Assert.Equal(per > 0, alone.Note.Contains($"changed by {per} %", StringComparison.Ordinal));
        Assert.Equal(verdict == Verdict.NotToldApart, alone.Interval!.Value.High > 0);
    }

    private AggregateReader Store(double[] speeds)
    {
        using (ResultStore store = ResultStore.Open(_root.Path))
        {
            for (int i = 0; i < speeds.Length; i++)
            {
                RunRecord run = Run($"run-{i}", speeds[i]);
                store.IndexWhole(run.Info with { Started = run.Info.Started.AddDays(i) }, run.Info.Id, run.Cells);
            }
        }

        return AggregateReader.Open(_root.Path);
    }

    private static RunRecord Run(string id, double speed, int launches = 3)
    {
        RunRecord sample = SampleRun.Make(id);
        CellResult cell = sample.Cells.First(c => c.Cell.Workload == "latency");
        Measurement[] parts = [.. Enumerable.Range(0, launches)
            .Select(i => MeasurementBuilder.FromSamples("tg_tps", [speed, speed * 1.001, speed * 0.999, speed * (1 + ((i - 1) * 0.001))]))];
        return new RunRecord(sample.Info with { Fingerprint = sample.Info.Fingerprint with { MachineId = "machine" } },
            [cell with { Metrics = [MeasurementBuilder.Merge(parts)] }]);
    }
}
