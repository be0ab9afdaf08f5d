using System.Globalization;
using System.Xml.Linq;
using SkiaSharp;

namespace QuantBench.Analysis.Plots;

/// <summary>
/// Draws our own SVG files as PNG. It knows what plots write (paths, rectangles, ellipses, circles, lines and words, moved by
/// <c>translate</c>); clip paths are left out, since plots clip to an area their marks don't leave.
/// </summary>
internal static class SvgRaster
{
    private const float Scale = 2; // sharp on screens of twice the density and in print

    /// <summary>Draws a file.</summary>
    /// <param name="svg">One of ours, with its colours written out.</param>
    /// <returns>A PNG of twice the size in pixels.</returns>
    public static byte[] Png(string svg)
    {
        XElement root = XDocument.Parse(svg).Root!; // a parsed document has a root
        float width = Number(root, "width", 680);
        float height = Number(root, "height", 400);
        using var surface = SKSurface.Create(new SKImageInfo((int)(width * Scale), (int)(height * Scale)));
        SKCanvas canvas = surface.Canvas;
        canvas.Clear(SKColors.White);
        canvas.Scale(Scale);
        foreach (XElement element in root.Elements()) Draw(canvas, element, Number(root, "font-size", 12));
        using SKImage image = surface.Snapshot();
        using SKData data = image.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    private static void Draw(SKCanvas canvas, XElement element, float fontSize)
    {
        canvas.Save();
        Move(canvas, element);
        switch (element.Name.LocalName)
        {
            case "g":
                foreach (XElement child in element.Elements()) Draw(canvas, child, Number(element, "font-size", fontSize));
                break;
            case "path":
                using (SKPath path = SKPath.ParseSvgPathData(Text(element, "d") ?? "") ?? new SKPath()) Paint(element,
                    (shape, paint) => canvas.DrawPath(shape, paint), path);
                break;
            case "rect":
                Paint(element, (shape, paint) => canvas.DrawRect(shape, paint),
                    SKRect.Create(Number(element, "x"), Number(element, "y"), Number(element, "width"), Number(element, "height")));
                break;
            case "ellipse":
                Paint(element, (shape, paint) => canvas.DrawOval(shape, paint),
                    Oval(element, Number(element, "rx"), Number(element, "ry")));
                break;
            case "circle":
                Paint(element, (shape, paint) => canvas.DrawOval(shape, paint), Oval(element, Number(element, "r"), Number(element, "r")));
                break;
            case "line":
                using (var path = new SKPath())
                {
                    path.MoveTo(Number(element, "x1"), Number(element, "y1"));
                    path.LineTo(Number(element, "x2"), Number(element, "y2"));
                    Paint(element, (shape, paint) => canvas.DrawPath(shape, paint), path);
                }

                break;
            case "text":
                Write(canvas, element, fontSize);
                break;
            default:
                break; // titles, descriptions and clip paths draw nothing
        }

        canvas.Restore();
    }

    private static SKRect Oval(XElement element, float rx, float ry) =>
        new(Number(element, "cx") - rx, Number(element, "cy") - ry, Number(element, "cx") + rx, Number(element, "cy") + ry);

    private static void Paint<T>(XElement element, Action<T, SKPaint> draw, T shape)
    {
        float opacity = Number(element, "opacity", 1);
        if (Color(element, "fill", SKColors.Black) is { } fill)
        {
            using var paint = new SKPaint
            {
                Style = SKPaintStyle.Fill,
                Color = fill.WithAlpha((byte)(255 * opacity * Number(element, "fill-opacity", 1))),
                IsAntialias = true
            };
            draw(shape, paint);
        }

        if (Color(element, "stroke", null) is { } stroke)
        {
            using var paint = new SKPaint
            {
                Style = SKPaintStyle.Stroke,
                Color = stroke.WithAlpha((byte)(255 * opacity)),
                StrokeWidth = Number(element, "stroke-width", 1),
                IsAntialias = true
            };
            if (Text(element, "stroke-dasharray") is { } dashes && Numbers(dashes) is { Length: > 0 } parts)
                paint.PathEffect = SKPathEffect.CreateDash(parts.Length % 2 == 0 ? parts : [.. parts, .. parts], 0);
            draw(shape, paint);
        }
    }

    private static void Write(SKCanvas canvas, XElement element, float fontSize)
    {
        string words = element.Value;
        SKFontStyle style = Text(element, "font-weight") is "600" or "700" or "bold" ? SKFontStyle.Bold : SKFontStyle.Normal;
        using SKTypeface face = SKTypeface.FromFamilyName(null, style);
        using var font = new SKFont(face, Number(element, "font-size", fontSize)) { Subpixel = true };
        SKTextAlign align = Text(element, "text-anchor") switch
        {
            "middle" => SKTextAlign.Center,
            "end" => SKTextAlign.Right,
            _ => SKTextAlign.Left
        };
        float x = Number(element, "x");
        float y = Number(element, "y");
        if (Color(element, "stroke", null) is { } halo)
        {
            using var around = new SKPaint
            {
                Style = SKPaintStyle.Stroke,
                Color = halo,
                StrokeWidth = Number(element, "stroke-width", 1),
                StrokeJoin = SKStrokeJoin.Round,
                IsAntialias = true
            };
            canvas.DrawText(words, x, y, align, font, around);
        }

        using var paint = new SKPaint { Color = Color(element, "fill", SKColors.Black) ?? SKColors.Black, IsAntialias = true };
        canvas.DrawText(words, x, y, align, font, paint);
    }

    private static void Move(SKCanvas canvas, XElement element)
    {
        string? transform = Text(element, "transform");
        if (transform is null || !transform.StartsWith("translate(", StringComparison.Ordinal)) return;
        float[] by = Numbers(transform["translate(".Length..].TrimEnd(')'));
        if (by.Length > 0) canvas.Translate(by[0], by.Length > 1 ? by[1] : 0);
    }

    private static SKColor? Color(XElement element, string name, SKColor? missing) => Text(element, name) switch
    {
        null => missing,
        "none" => null,
        "white" => SKColors.White,
        { } text => SKColor.TryParse(text, out SKColor color) ? color : missing,
    };

    private static string? Text(XElement element, string name) => (string?)element.Attribute(name);

    private static float Number(XElement element, string name, float missing = 0) =>
        float.TryParse(Text(element, name), NumberStyles.Float, CultureInfo.InvariantCulture, out float value) ? value : missing;

    private static float[] Numbers(string text) =>
        [.. text.Split([' ', ','], StringSplitOptions.RemoveEmptyEntries)
            .Select(t => float.TryParse(t, NumberStyles.Float, CultureInfo.InvariantCulture, out float v) ? v : 0)];
}
