using System.Globalization;
using System.Xml.Linq;

namespace QuantBench.Analysis.Plots;

/// <summary>Puts rendered plots of one width under each other, as one picture.</summary>
internal static class PlotStack
{
    private static readonly XNamespace s_svg = "http://www.w3.org/2000/svg";

    /// <summary>Joins them; the first one's style serves all.</summary>
    /// <param name="panels">Rendered plots, each with its height.</param>
    /// <param name="width">Their width.</param>
    /// <param name="id">Id of the whole.</param>
    /// <param name="title">Title.</param>
    /// <param name="finding">What it shows.</param>
    public static string Join(IReadOnlyList<(string Svg, int Height)> panels, int width, string id, string title, string finding)
    {
        XElement[] roots = [.. panels.Select(p => XDocument.Parse(p.Svg).Root!)]; // a parsed document has a root
        int height = panels.Sum(p => p.Height);
        var svg = new XElement(
            s_svg + "svg",
            new XAttribute("class", "qb-plot"),
            new XAttribute("viewBox", $"0 0 {width} {height}"),
            new XAttribute("width", width),
            new XAttribute("height", height),
            new XAttribute("role", "img"),
            new XAttribute("aria-labelledby", $"{id}-title {id}-desc"),
            new XElement(s_svg + "title", new XAttribute("id", $"{id}-title"), title),
            new XElement(s_svg + "desc", new XAttribute("id", $"{id}-desc"), finding),
            roots[0].Element(s_svg + "style"));
        int at = 0;
        for (int i = 0; i < roots.Length; i++)
        {
            svg.Add(new XElement(
                s_svg + "g", new XAttribute("aria-hidden", "true"),
                new XAttribute("transform", string.Create(CultureInfo.InvariantCulture, $"translate(0 {at})")),
                roots[i].Elements(s_svg + "g")));
            at += panels[i].Height;
        }

        return svg.ToString(SaveOptions.DisableFormatting);
    }
}
