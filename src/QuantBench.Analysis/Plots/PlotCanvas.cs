using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;

namespace QuantBench.Analysis.Plots;

/// <summary>
/// A plot of fixed layout: data coordinates map to pixels before rendering, so labels can be placed by overlap. Marks, axes and grid are
/// drawn by the <see cref="PlotPen"/>; words are added as SVG text, selectable and in the reader's own font.
/// </summary>
internal sealed partial class PlotCanvas
{
    private const string Svg = "http://www.w3.org/2000/svg";
    private const double CharacterWidth = 6.4; // of 11 px sans text, on average; only label placement depends on it
    private const double LabelHeight = 13;
    private static readonly XNamespace s_svg = Svg;

    private readonly List<(double X, double Y, string Text, string Anchor, PlotRole Role, bool Halo)> _words = [];
    private readonly List<(double Left, double Top, double Right, double Bottom)> _taken = [];
    private readonly List<(double Left, double Top, double Right, double Bottom, string Text)> _hovers = [];
    private readonly ImmutableArray<PlotMark>.Builder _marks = ImmutableArray.CreateBuilder<PlotMark>();
    private readonly int _width;
    private readonly int _height;
    private readonly double _left;
    private readonly double _bottom;
    private readonly double _top;
    private ImmutableArray<PlotTick>? _ticksBelow;
    private ImmutableArray<PlotTick>? _ticksLeft;

    public PlotCanvas(int width, int height, double left, (double Min, double Max) x, (double Min, double Max) y, double top = 46,
        double bottom = 44) => (_width, _height, _left, _top, _bottom, X, Y) = (width, height, left, top, bottom, x, y);

    public (double Min, double Max) X { get; }

    public (double Min, double Max) Y { get; }

    private static float Right => 18;

    public double PixelX(double x) => _left + ((x - X.Min) / (X.Max - X.Min) * (_width - _left - Right));

    public double PixelY(double y) => _height - _bottom - ((y - Y.Min) / (Y.Max - Y.Min) * (_height - _bottom - _top));

    public void Ticks(bool bottom, IEnumerable<(double At, string Text)> ticks)
    {
        (double At, string Text)[] all = [.. ticks];
        if (bottom)
        {
            // Where neighbours would touch, every second or third is left out.
            double widest = all.Length == 0 ? 0 : all.Max(t => t.Text.Length) * CharacterWidth;
            double nearest = all.Length < 2 ? double.PositiveInfinity
                : all.Zip(all.Skip(1)).Min(p => PixelX(p.Second.At) - PixelX(p.First.At));
            int stride = Math.Clamp((int)Math.Ceiling((widest + 4) / nearest), 1, Math.Max(1, all.Length));
            if (stride > 1 && EvenlySpaced(all)) all = [.. all.Where((_, i) => i % stride == 0)];
            _ticksBelow = [.. all.Select(t => new PlotTick(t.At, t.Text))];
        }
        else _ticksLeft = [.. all.Select(t => new PlotTick(t.At, t.Text))];
    }

    private static bool EvenlySpaced((double At, string Text)[] ticks) =>
        ticks.Zip(ticks.Skip(1)).Select(p => p.Second.At - p.First.At).ToArray() is { Length: > 0 } gaps && gaps.Max() < 1.01 * gaps.Min();

    public void Marker(double x, double y, PrecisionClass precision, bool hollow = false, float size = 10) =>
        Mark(PlotPalette.Shape(precision), x, y, PlotPalette.Of(precision), size, hollow ? PlotPalette.Panel : null);

    /// <summary>A mark of any shape.</summary>
    public void Mark(PlotShape shape, double x, double y, PlotRole role, float size, PlotRole? fill = null) =>
        _marks.Add(new PlotMark(shape, [x], [y], role.Sentinel, size, fill?.Sentinel));

    /// <summary>A ring around a mark.</summary>
    public void Ring(double x, double y) => Mark(PlotShape.Ring, x, y, PlotPalette.Ink, 20);

    /// <summary>Fills a region with slanted lines: patterns don't survive the way into SVG.</summary>
    public void Hatch((double Min, double Max) x, (double Min, double Max) y)
    {
        const double gap = 9;
        (double left, double right) = (PixelX(x.Min), PixelX(x.Max));
        (double top, double bottom) = (PixelY(y.Max), PixelY(y.Min));
        double scaleX = (X.Max - X.Min) / (PixelX(X.Max) - PixelX(X.Min));
        double scaleY = (Y.Max - Y.Min) / (PixelY(Y.Min) - PixelY(Y.Max));
        // Lines x + y = s in pixels, cut at the region's edges.
        for (double s = left + top + gap; s < right + bottom; s += gap)
        {
            (double fromX, double toX) = (Math.Max(left, s - bottom), Math.Min(right, s - top));
            Line(X.Min + ((fromX - _left) * scaleX), Y.Max - ((s - fromX - _top) * scaleY), X.Min + ((toX - _left) * scaleX),
                Y.Max - ((s - toX - _top) * scaleY), PlotPalette.Grid, 1);
        }
    }

    public void Dot(double x, double y) => Mark(PlotShape.Circle, x, y, PlotPalette.C1, 6);

    public void Line(double x1, double y1, double x2, double y2, PlotRole role, float width, bool dashed = false) =>
        Path([x1, x2], [y1, y2], role, width, dashed);

    /// <summary>A line through many points.</summary>
    public void Path(IReadOnlyList<double> xs, IReadOnlyList<double> ys, PlotRole role, float width, bool dashed = false) =>
        _marks.Add(new PlotMark(PlotShape.Line, [.. xs], [.. ys], role.Sentinel, width, null, dashed));

    public void Box(double left, double right, double bottom, double top, PlotRole role) =>
        _marks.Add(new PlotMark(PlotShape.Box, [left, right], [bottom, top], role.Sentinel, 1));

    /// <summary>Shows a text while the pointer is over a point; every such text is in the figure's table too.</summary>
    public void Hover(double x, double y, string text, double radius = 9) =>
        _hovers.Add((PixelX(x) - radius, PixelY(y) - radius, PixelX(x) + radius, PixelY(y) + radius, text));

    /// <summary>Shows a text while the pointer is over a row of bars.</summary>
    /// <param name="y">The row.</param>
    /// <param name="text">The text.</param>
    public void HoverRow(double y, string text) => _hovers.Add((0, PixelY(y + 0.5), _width, PixelY(y - 0.5), text));

    /// <summary>Keeps labels away from a mark.</summary>
    public void Occupy(double x, double y, double radius = 6) =>
        _taken.Add((PixelX(x) - radius, PixelY(y) - radius, PixelX(x) + radius, PixelY(y) + radius));

    /// <summary>Labels a point at whichever of eight places overlaps least; leaves it out (the table has it) when every place
    /// collides.</summary>
    public void Label(double x, double y, string text, double gap = 8)
    {
        double px = PixelX(x);
        double py = PixelY(y);
        double width = text.Length * CharacterWidth;
        (double Dx, double Dy, string Anchor)[] places =
        [
            (gap, 4, "start"), (0, -gap - 2, "middle"), (0, gap + 11, "middle"), (-gap, 4, "end"),
            (gap, -gap, "start"), (gap, gap + 8, "start"), (-gap, -gap, "end"), (-gap, gap + 8, "end"),
        ];
        foreach ((double dx, double dy, string anchor) in places)
        {
            double left = px + dx - (anchor == "start" ? 0 : anchor == "end" ? width : width / 2);
            (double Left, double Top, double Right, double Bottom) box = (left, py + dy - LabelHeight + 3, left + width, py + dy + 3);
            if (box.Left < 2 || box.Right > _width - 2 || box.Top < _top - 14 || box.Bottom > _height - _bottom + 2) continue;
            if (_taken.Any(t => t.Left < box.Right && box.Left < t.Right && t.Top < box.Bottom && box.Top < t.Bottom)) continue;
            _taken.Add(box);
            _words.Add((px + dx, py + dy, text, anchor, PlotPalette.Ink, true));
            return;
        }
    }

    /// <summary>A text at pixels.</summary>
    public void Word(double px, double py, string text, string anchor = "start", PlotRole? role = null) =>
        _words.Add((px, py, text, anchor, role ?? PlotPalette.Ink3, false));

    public void AxisTitles(string bottom, string left)
    {
        Word(_width - Right, _height - 8, bottom, "end");
        Word(8, _top - 12, left);
    }

    /// <summary>A key of precision classes above the plot: shape, colour and word.</summary>
    public void ClassKey(IEnumerable<PrecisionClass> classes)
    {
        double at = 8;
        foreach (PrecisionClass precision in classes.Distinct().OrderDescending())
        {
            Word(at, 16, PlotPalette.Glyph(precision), "start", PlotPalette.Of(precision));
            string text = Formatting.Format.Class(precision);
            Word(at + 15, 16, text);
            at += 15 + (text.Length * CharacterWidth) + 18;
        }
    }

    /// <summary>Renders to one self-contained, accessible svg element.</summary>
    public string Render(string id, string title, string finding)
    {
        // No clip paths wanted, but Skia writes them; ids must not collide with another figure's on the page.
        XElement root = Draw();
        foreach (XElement text in root.Descendants(s_svg + "text").ToList()) Simplify(text);
        foreach (XAttribute attribute in root.Descendants().Attributes().ToList()) Rewrite(attribute, id);
        foreach (XElement empty in root.Descendants(s_svg + "g").Where(g => !g.HasElements).ToList()) empty.Remove();
        foreach (XElement clip in root.Descendants(s_svg + "clipPath")
            .Where(c => !root.Descendants().Any(e => e.Attribute("clip-path")?.Value == $"url(#{c.Attribute("id")?.Value})")).ToList())
            clip.Remove();

        string vars = string.Concat(PlotPalette.All.Select(r => $"--qb-{r.Name}:{r.Light};"));
        string dark = string.Concat(PlotPalette.All.Select(r => $"--qb-{r.Name}:{r.Dark};"));
        var svg = new XElement(
            s_svg + "svg",
            new XAttribute("class", "qb-plot"),
            new XAttribute("viewBox", $"0 0 {_width} {_height}"),
            new XAttribute("width", _width),
            new XAttribute("height", _height),
            new XAttribute("role", "img"),
            new XAttribute("aria-labelledby", $"{id}-title {id}-desc"),
            new XElement(s_svg + "title", new XAttribute("id", $"{id}-title"), title),
            new XElement(s_svg + "desc", new XAttribute("id", $"{id}-desc"), finding),
            new XElement(s_svg + "style", $"svg.qb-plot{{{vars}}}@media screen and (prefers-color-scheme:dark){{svg.qb-plot{{{dark}}}}}"),
            new XElement(s_svg + "g", new XAttribute("aria-hidden", "true"), root.Elements(), _words.Select(WordElement),
                _hovers.Select(HoverElement)));
        return svg.ToString(SaveOptions.DisableFormatting);
    }

    // Words, hovers and the table are there even where no mark can be drawn.
    private XElement Draw()
    {
        var scene = new PlotScene(
            _width, _height, [(float)_left, Right, (float)_bottom, (float)_top], [X.Min, X.Max], [Y.Min, Y.Max], _ticksBelow, _ticksLeft,
            PlotPalette.Ink3.Sentinel, PlotPalette.Grid.Sentinel, _marks.ToImmutable());
        try
        {
            return XDocument.Parse(PlotPen.Current.Draw(scene)).Root!; // a parsed document has a root
        }
        catch (QuantBenchException e)
        {
            Word(_left, _height / 2.0, e.Message);
            return new XElement(s_svg + "svg");
        }
    }

    private static XElement WordElement((double X, double Y, string Text, string Anchor, PlotRole Role, bool Halo) word)
    {
        var text = new XElement(
            s_svg + "text",
            new XAttribute("x", Round(word.X)),
            new XAttribute("y", Round(word.Y)),
            new XAttribute("font-size", word.Halo ? "11" : "12"),
            new XAttribute("font-family", "system-ui,sans-serif"),
            new XAttribute("fill", word.Role.Css),
            word.Text);
        if (word.Anchor != "start") text.Add(new XAttribute("text-anchor", word.Anchor));
        if (word.Halo)
            text.Add(new XAttribute("stroke", PlotPalette.Panel.Css), new XAttribute("stroke-width", "3"),
                new XAttribute("paint-order", "stroke"));
        return text;
    }

    // Nothing is painted, but the pointer finds it.
    private static XElement HoverElement((double Left, double Top, double Right, double Bottom, string Text) hover) => new(
        s_svg + "rect",
        new XAttribute("x", Round(hover.Left)),
        new XAttribute("y", Round(hover.Top)),
        new XAttribute("width", Round(hover.Right - hover.Left)),
        new XAttribute("height", Round(hover.Bottom - hover.Top)),
        new XAttribute("fill", "none"),
        new XAttribute("pointer-events", "all"),
        new XElement(s_svg + "title", hover.Text));

    // Skia places every glyph for the font it found here; the reader's font is another one, so only the anchor is kept.
    private static void Simplify(XElement text)
    {
        double[] xs = Numbers(text.Attribute("x")?.Value);
        double[] ys = Numbers(text.Attribute("y")?.Value);
        string content = text.Value.Trim();
        if (xs.Length > 0)
        {
            double advance = xs.Length > 1 ? (xs[^1] - xs[0]) / (xs.Length - 1) : 2 * Math.Abs(xs[0]);
            double end = xs[^1] + advance;
            bool middle = xs[0] < -1 && end > 1;
            bool right = !middle && xs[0] < -1;
            text.SetAttributeValue("x", middle || right ? "0" : Round(xs[0]));
            if (middle || right) text.SetAttributeValue("text-anchor", middle ? "middle" : "end");
        }

        if (ys.Length > 0) text.SetAttributeValue("y", Round(ys[0]));
        text.SetAttributeValue("font-family", "system-ui,sans-serif");
        text.Value = content;
    }

    private static void Rewrite(XAttribute attribute, string id)
    {
        string value = attribute.Value;
        switch (attribute.Name.LocalName)
        {
            case "fill" or "stroke":
                PlotRole? role = PlotPalette.All.FirstOrDefault(r => string.Equals(r.Sentinel, value, StringComparison.OrdinalIgnoreCase));
                attribute.Value = role?.Css ?? (value == "black" ? PlotPalette.Ink.Css : value);
                break;
            case "id":
                attribute.Value = $"{id}-{value}";
                break;
            case "clip-path":
                attribute.Value = value.Replace("url(#", $"url(#{id}-", StringComparison.Ordinal);
                break;
            case "font-family" or "x" or "y" when attribute.Parent?.Name.LocalName == "text":
                break;
            default:
                attribute.Value = LongNumber()
                    .Replace(value, m => Round(double.Parse(m.ValueSpan, NumberStyles.Float, CultureInfo.InvariantCulture)));
                break;
        }
    }

    private static double[] Numbers(string? list) =>
        [.. (list ?? "").Split([',', ' '], StringSplitOptions.RemoveEmptyEntries)
            .Select(n => double.Parse(n, NumberStyles.Float, CultureInfo.InvariantCulture))];

    private static string Round(double value) => Math.Round(value, 1).ToString("0.#", CultureInfo.InvariantCulture);

    [GeneratedRegex(@"-?\d+\.\d{2,}")]
    private static partial Regex LongNumber();
}
