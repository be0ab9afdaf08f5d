using System.Collections.Immutable;
using QuantBench.Analysis.Decide;
using QuantBench.Analysis.Estimates;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Limits;
using QuantBench.Core.Limits;
using QuantBench.Core.Metrics;

namespace QuantBench.Analysis.Plots;

/// <summary>A front on two of its axes with the intervals of both; with more axes the front is the whole one, seen from the side.</summary>
public static class ParetoFrontPlot
{
    /// <summary>Draws it; null with fewer than two points.</summary>
    /// <param name="front">The front.</param>
    /// <param name="x">Index of the axis drawn across.</param>
    /// <param name="y">Index of the axis drawn up.</param>
    /// <param name="id">Id of the figure on its page.</param>
    /// <param name="width">Width in pixels.</param>
    /// <param name="pick">Name of the recommended variant, which gets a ring; null for none.</param>
    /// <param name="bounds">Limits to draw on the axes.</param>
    /// <param name="miss">Name of the variant that comes nearest where nothing is recommended: it gets the ring then; null for
    /// none.</param>
    public static PlotFigure? Draw(ParetoFront front, int x = 0, int y = 1, string id = "front", int width = PlotFigure.Wide,
        string? pick = null, ImmutableArray<Bound> bounds = default, string? miss = null)
    {
        ArgumentNullException.ThrowIfNull(front);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(x, front.Axes.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(y, front.Axes.Length);
        if (front.Points.Length < 2) return null;
        Axis across = Axis.Of(front, x);
        Axis up = Axis.Of(front, y);
        var canvas = new PlotCanvas(width, 420, 62, PlotScale.Around(across.Ends(front, x), 0.12),
            PlotScale.Around(up.Ends(front, y), 0.12));
        canvas.Ticks(true, across.Ticks(canvas.X));
        canvas.Ticks(false, up.Ticks(canvas.Y));
        canvas.AxisTitles(across.Title, up.Title);
        canvas.ClassKey(front.Points.Select(p => p.Candidate.Class));
        foreach (Bound bound in bounds.IsDefault ? [] : bounds) Limit(canvas, front, x, y, across, up, bound);
        if (front.Axes.Length == 2) Step(canvas, front, x, y, across, up);
        foreach (ParetoPoint p in front.Points)
        {
            Estimate a = p.Figures[x];
            Estimate b = p.Figures[y];
            canvas.Line(across.At(a.Low), up.At(b.Value), across.At(a.High), up.At(b.Value), PlotPalette.Ink3, 1.2f);
            canvas.Line(across.At(a.Value), up.At(b.Low), across.At(a.Value), up.At(b.High), PlotPalette.Ink3, 1.2f);
        }

        foreach (ParetoPoint p in front.Points)
        {
            canvas.Marker(across.At(p.Figures[x].Value), up.At(p.Figures[y].Value), p.Candidate.Class, hollow: p.Place != FrontPlace.Front);
            canvas.Occupy(across.At(p.Figures[x].Value), up.At(p.Figures[y].Value));
            canvas.Hover(across.At(p.Figures[x].Value), up.At(p.Figures[y].Value),
                $"{p.Name}: {FigureText.Of(p.Figures[x], front.Axes[x].Definition)}, "
                    + $"{FigureText.Of(p.Figures[y], front.Axes[y].Definition)}; {DecisionText.Word(p.Place)}");
            if (p.Name == (pick ?? miss)) canvas.Ring(across.At(p.Figures[x].Value), up.At(p.Figures[y].Value));
        }

        foreach (ParetoPoint p in front.Points.OrderBy(p => p.Name == (pick ?? miss) ? 0 : 1).ThenBy(p => p.Place))
            canvas.Label(across.At(p.Figures[x].Value), up.At(p.Figures[y].Value),
                p.Candidate.Variant.ShortName + (p.Place == FrontPlace.MaybeFront ? " ?" : ""));
        string title = $"Pareto front of {front.Model}";
        string finding = DecisionText.Lead(front);
        string side = front.Axes.Length == 2 ? "The line is the front: nothing in the run lies beyond it."
            : $"The front is that of all {Format.Count(front.Axes.Length)} metrics; two of them are drawn.";
        string ring = front.Points.All(p => p.Name != (pick ?? miss)) ? ""
            : pick is null ? " Nothing keeps every limit; the ring is the nearest miss." : " The ring is the recommended one.";
        string nought =
            (front.Points.Any(p => across.Log && p.Figures[x].Value <= 0) || front.Points.Any(p => up.Log && p.Figures[y].Value <= 0))
                ? " A logarithmic axis has no zero: it stands at its lower end." : "";
        string left = front.Dropped.IsEmpty ? "" : $" Left out, without a figure: {string.Join(", ", front.Dropped.Select(d => d.Name))}.";
        return new PlotFigure(
            id, title, finding,
            $"Filled: on the front; hollow: beaten; hollow with a question mark: beaten by estimates, but the intervals don't show it. "
                + $"Bars are 95 % intervals, left out where shorter than the marker. {side}{ring}{nought}{left}",
            canvas.Render(id, title, finding),
            ["Variant", "Class", .. front.Axes.Select(a => a.ToString()), "Place"],
            [
                .. front.Points.Select(p => (ImmutableArray<string>)
                    [p.Name, Format.Class(p.Candidate.Class), .. p.Figures.Select((f, i) => FigureText.Of(f, front.Axes[i].Definition)),
                        DecisionText.Word(p.Place)]),
            ]);
    }

    // A limit that lies beyond the axis isn't drawn: the words beside the figure have it.
    private static void Limit(PlotCanvas canvas, ParetoFront front, int x, int y, Axis across, Axis up, Bound bound)
    {
        bool vertical = front.Axes[x].Metric == bound.Metric.Metric;
        if (!vertical && front.Axes[y].Metric != bound.Metric.Metric) return;
        double at = (vertical ? across : up).At(bound.Limit);
        (double min, double max) = vertical ? canvas.X : canvas.Y;
        if (!(at > min && at < max)) return;
        (double from, double to) = bound.IsMax ? (at, max) : (min, at);
        canvas.Hatch(vertical ? (from, to) : canvas.X, vertical ? canvas.Y : (from, to));
        if (vertical) canvas.Line(at, canvas.Y.Min, at, canvas.Y.Max, PlotPalette.Ink3, 1, dashed: true);
        else canvas.Line(canvas.X.Min, at, canvas.X.Max, at, PlotPalette.Ink3, 1, dashed: true);
        canvas.Label(vertical ? at : canvas.X.Max, vertical ? canvas.Y.Max : at, BoundCheck.Text(bound), gap: 4);
    }

    private static void Step(PlotCanvas canvas, ParetoFront front, int x, int y, Axis across, Axis up)
    {
        ParetoPoint[] on = [.. front.Points.Where(p => p.Place == FrontPlace.Front).OrderBy(p => p.Figures[x].Value)];
        bool higher = front.Axes[x].Definition.Direction == Direction.Higher;
        for (int i = 1; i < on.Length; i++)
        {
            // A step, not a slope: nothing between two variants can be had. The corner lies on the side that both reach.
            (double ax, double ay) = (across.At(on[i - 1].Figures[x].Value), up.At(on[i - 1].Figures[y].Value));
            (double bx, double by) = (across.At(on[i].Figures[x].Value), up.At(on[i].Figures[y].Value));
            (double cx, double cy) = higher ? (ax, by) : (bx, ay);
            canvas.Line(ax, ay, cx, cy, PlotPalette.Ink3, 1.5f);
            canvas.Line(cx, cy, bx, by, PlotPalette.Ink3, 1.5f);
        }
    }

    /// <summary>An axis: logarithmic where its positive figures span more than a factor of ten and none is negative.</summary>
    private sealed record Axis(bool Log, MetricDefinition Metric, double? Zero)
    {
        public string Title =>
            $"{Metric.Title}{(Metric.Unit is "1" or "B" ? "" : $", {Metric.Unit}")}{(Log ? " (log)" : "")}, "
                + $"{(Metric.Direction == Direction.Higher ? "more" : "less")} is better";

        public static Axis Of(ParetoFront front, int at)
        {
            double[] values = [.. front.Points.Select(p => p.Figures[at].Value)];
            double[] positive = [.. values.Where(v => v > 0)];
            bool log = values.Min() >= 0 && positive.Length > 0 && positive.Max() / positive.Min() > 10
                && front.Points.All(p => p.Figures[at].Low > 0 || p.Figures[at].Value == 0);
            return new Axis(log, front.Axes[at].Definition, log && values.Min() <= 0 ? Math.Floor(Math.Log10(positive.Min())) - 1 : null);
        }

        public double At(double value) => !Log ? value : Zero is { } zero && value < Math.Pow(10, zero) ? zero : Math.Log10(value);

        public IEnumerable<double> Ends(ParetoFront front, int at) =>
            front.Points.SelectMany(p => (double[])[At(p.Figures[at].Low), At(p.Figures[at].High)]);

        public IEnumerable<(double At, string Text)> Ticks((double Min, double Max) limits) => (Log, Metric) switch
        {
            (true, { Unit: "B" }) => PlotScale.Log(limits).Select(t => (t.At, Format.Bytes(Math.Pow(10, t.At)))),
            (true, _) when Zero is { } zero => PlotScale.Log((zero + 0.5, limits.Max)).Prepend((zero, "0")),
            (true, _) => PlotScale.Log(limits),
            (_, { Unit: "B" }) => PlotScale.Bytes(limits),
            (_, { IsChange: true }) => PlotScale.Linear(limits).Select(t => (t.At, Format.Change(t.At))),
            _ => PlotScale.Linear(limits),
        };
    }
}
