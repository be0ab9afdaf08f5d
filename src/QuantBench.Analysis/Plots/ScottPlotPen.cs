using ScottPlot;

namespace QuantBench.Analysis.Plots;

/// <summary>Draws with ScottPlot in this process, one thing at a time: Skia under it crashes when several threads draw.</summary>
public sealed class ScottPlotPen : IPlotPen
{
    private static readonly Lock s_gate = new(); // of the native library, so of the process

    /// <inheritdoc/>
    public string Draw(PlotScene scene)
    {
        ArgumentNullException.ThrowIfNull(scene);
        lock (s_gate)
        {
            using var plot = new Plot();
            plot.Layout.Fixed(new PixelPadding(scene.Padding[0], scene.Padding[1], scene.Padding[2], scene.Padding[3]));
            plot.Axes.SetLimits(scene.X[0], scene.X[1], scene.Y[0], scene.Y[1]);
            plot.FigureBackground.Color = Colors.Transparent;
            plot.DataBackground.Color = Colors.Transparent;
            plot.Axes.Color(Color.FromHex(scene.Axis));
            plot.Axes.Right.FrameLineStyle.Width = 0;
            plot.Axes.Top.FrameLineStyle.Width = 0;
            plot.Axes.Left.FrameLineStyle.Width = 0;
            plot.Axes.Left.MajorTickStyle.Length = 0;
            plot.Axes.Left.MinorTickStyle.Length = 0;
            plot.Axes.Bottom.MinorTickStyle.Length = 0;
            plot.Grid.MajorLineColor = Color.FromHex(scene.Grid);
            plot.Grid.XAxisStyle.IsVisible = false;
            if (scene.Bottom is { } bottom) plot.Axes.Bottom.SetTicks([.. bottom.Select(t => t.At)], [.. bottom.Select(t => t.Text)]);
            if (scene.Left is { } left) plot.Axes.Left.SetTicks([.. left.Select(t => t.At)], [.. left.Select(t => t.Text)]);
            foreach (PlotMark mark in scene.Marks) Add(plot, mark);
            return plot.GetSvgXml(scene.Width, scene.Height);
        }
    }

    /// <inheritdoc/>
    public byte[] Png(string svg)
    {
        lock (s_gate) return SvgRaster.Png(svg);
    }

    private static void Add(Plot plot, PlotMark mark)
    {
        var color = Color.FromHex(mark.Color);
        switch (mark.Shape)
        {
            case PlotShape.Box:
                var box = plot.Add.Rectangle(mark.Xs[0], mark.Xs[1], mark.Ys[0], mark.Ys[1]);
                box.FillColor = color;
                box.LineColor = color;
                box.LineWidth = mark.Size;
                break;
            case PlotShape.Line when mark.Xs.Length == 2:
                var line = plot.Add.Line(mark.Xs[0], mark.Ys[0], mark.Xs[1], mark.Ys[1]);
                line.Color = color;
                line.LineWidth = mark.Size;
                line.MarkerSize = 0;
                if (mark.Dashed) line.LinePattern = LinePattern.Dashed;
                break;
            case PlotShape.Line:
                var path = plot.Add.ScatterLine(mark.Xs.ToArray(), mark.Ys.ToArray());
                path.Color = color;
                path.LineWidth = mark.Size;
                path.MarkerSize = 0;
                if (mark.Dashed) path.LinePattern = LinePattern.Dashed;
                break;
            default:
                var marker = plot.Add.Marker(mark.Xs[0], mark.Ys[0], Shape(mark.Shape), mark.Size, color);
                if (mark.Shape == PlotShape.Ring)
                {
                    marker.MarkerStyle.LineColor = color;
                    marker.MarkerStyle.LineWidth = 1.6f;
                }

                if (mark.Fill is null) break;
                marker.MarkerStyle.FillColor = Color.FromHex(mark.Fill);
                marker.MarkerStyle.OutlineColor = color;
                marker.MarkerStyle.OutlineWidth = 2;
                break;
        }
    }

    private static MarkerShape Shape(PlotShape shape) => shape switch
    {
        PlotShape.Square => MarkerShape.FilledSquare,
        PlotShape.Diamond => MarkerShape.FilledDiamond,
        PlotShape.TriangleDown => MarkerShape.FilledTriangleDown,
        PlotShape.Ring => MarkerShape.OpenCircle,
        _ => MarkerShape.FilledCircle,
    };
}
