using Microsoft.Data.Analysis;
using QuantBench.Analysis.Frames;
using QuantBench.SampleData;

namespace QuantBench.Analysis.Tests.Frames;

public sealed class MeasurementFrameTests
{
    [Fact]
    public void Of_HoldsOneRowPerMetric_OfEveryRun()
    {
        var a = SampleRun.Make("a");
        var b = SampleRun.Make("b");

        DataFrame frame = MeasurementFrame.Of(a, b);

        int perRun = a.Cells.Sum(c => Math.Max(1, c.Metrics.Length));
        Assert.Equal(2 * perRun, frame.Rows.Count);
        DataFrame tg = frame.Filter(frame["metric"].ElementwiseEquals("tg_tps"));
        Assert.Equal(20, tg.Rows.Count);
        Assert.Equal(a.Cells[2].Metric("tg_tps")!.Value, tg["value"][0]);
    }

    [Fact]
    public void Of_HasNulls_WhereACellMeasuredNothing()
    {
        DataFrame frame = MeasurementFrame.Of(SampleRun.Make());

        Assert.Null(frame["value"][frame.Rows.Count - 1]);
        Assert.Equal("failed", frame["status"][frame.Rows.Count - 1]);
    }
}
