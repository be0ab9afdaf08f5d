using System.Text.RegularExpressions;

namespace QuantBench.Dashboard.Figures;

/// <summary>One plot's SVG for two uses: in a page, where the sheet gives its colours, and as a file of its own, with the light
/// ones.</summary>
public static partial class FigureSvg
{
    /// <summary>For a page: without its style element, which a strict content security policy refuses.</summary>
    /// <param name="svg">As the plot rendered it.</param>
    public static string ForPage(string svg) => Style().Replace(svg, "");

    /// <summary>For a file: light colours written out, white ground, title and source on top.</summary>
    /// <param name="svg">As the plot rendered it.</param>
    /// <param name="title">Title.</param>
    /// <param name="source">Where the data come from.</param>
    public static string ForFile(string svg, string title, string source)
    {
        ArgumentNullException.ThrowIfNull(svg);
        string light = Variable().Replace(Style().Replace(svg, ""), m => m.Groups["light"].Value);
        Match box = ViewBox().Match(light);
        if (!box.Success) return light;
        double width = double.Parse(box.Groups["w"].ValueSpan, System.Globalization.CultureInfo.InvariantCulture);
        double height = double.Parse(box.Groups["h"].ValueSpan, System.Globalization.CultureInfo.InvariantCulture);
        const double head = 44;
        string inner = light[(light.IndexOf('>', StringComparison.Ordinal) + 1)..light.LastIndexOf("</svg>", StringComparison.Ordinal)];
        return FormattableString.Invariant($"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height + head}" width="{width}" height="{height + head}"
              font-family="system-ui,sans-serif" font-size="12">
            <rect width="{width}" height="{height + head}" fill="#ffffff"/>
            <text x="8" y="18" font-size="15" font-weight="600" fill="#10161d">{Escape(title)}</text>
            <text x="8" y="35" font-size="11" fill="#5a6671">{Escape(source)}</text>
            <g transform="translate(0 {head})">{inner}</g>
            </svg>
            """);
    }

    private static string Escape(string text) => System.Security.SecurityElement.Escape(text);

    [GeneratedRegex("<style[^>]*>.*?</style>", RegexOptions.Singleline)]
    private static partial Regex Style();

    [GeneratedRegex(@"var\(--[a-z0-9-]+,\s*(?<light>#[0-9a-fA-F]{3,8})\)")]
    private static partial Regex Variable();

    [GeneratedRegex("viewBox=\"0 0 (?<w>[0-9.]+) (?<h>[0-9.]+)\"")]
    private static partial Regex ViewBox();
}
