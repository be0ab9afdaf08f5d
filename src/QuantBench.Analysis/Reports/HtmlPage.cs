using System.Text;
using System.Xml.Linq;

namespace QuantBench.Analysis.Reports;

/// <summary>
/// The frame of every page that is written to a file: it asks for nothing else, in light and dark, to print, and for screen readers. It is
/// built as XML, so every text is encoded by the writer and the result is well-formed as XML and as HTML.
/// </summary>
internal static class HtmlPage
{
    /// <summary>A whole page.</summary>
    /// <param name="title">For the window.</param>
    /// <param name="first">Id of the section that the skip link leads to.</param>
    /// <param name="header">What stands above the sections.</param>
    /// <param name="sections">The sections.</param>
    /// <param name="footer">Last line.</param>
    public static string Write(string title, string first, IEnumerable<object?> header, IEnumerable<object?> sections, string footer)
    {
        var html = new XElement(
            "html",
            new XAttribute("lang", "en"),
            new XElement(
                "head",
                new XElement("meta", new XAttribute("charset", "utf-8")),
                new XElement("meta", new XAttribute("name", "viewport"), new XAttribute("content", "width=device-width, initial-scale=1")),
                new XElement("meta", new XAttribute("name", "color-scheme"), new XAttribute("content", "light dark")),
                new XElement("title", title),
                new XElement("style", HtmlStyle.Sheet)),
            new XElement(
                "body",
                new XElement("a", new XAttribute("class", "skip"), new XAttribute("href", $"#{first}"), "Skip to the content"),
                new XElement("header", header),
                new XElement("main", sections),
                new XElement("footer", new XElement("p", footer))));
        return "<!DOCTYPE html>\n" + Serialize(html) + "\n";
    }

    /// <summary>A section with its heading; other places link to its id.</summary>
    public static XElement Section(string id, string title, params object?[] content) =>
        new("section", new XAttribute("aria-labelledby", $"{id}-h"), new XAttribute("id", id),
            new XElement("h2", new XAttribute("id", $"{id}-h"), title), content);

    /// <summary>A column head.</summary>
    public static XElement Head(string text) => new("th", new XAttribute("scope", "col"), text);

    /// <summary>A table of texts; the first cell of a row is its head.</summary>
    public static XElement DataTable(string caption, IEnumerable<string> head, IEnumerable<string[]> rows) => Scroll(
        caption,
        new XElement("table",
            new XElement("caption", caption),
            new XElement("thead", new XElement("tr", head.Select(Head))),
            new XElement("tbody",
                rows.Select(r =>
                    new XElement("tr",
                        r.Select((cell, i) =>
                            i == 0 ? new XElement("th", new XAttribute("scope", "row"), Printable(cell))
                                : new XElement("td", Printable(cell))))))));

    /// <summary>A wide table in a region that scrolls by itself, reachable by keyboard.</summary>
    public static XElement Scroll(string name, XElement table) =>
        new("div", new XAttribute("class", "scroll"), new XAttribute("role", "region"), new XAttribute("aria-label", name),
            new XAttribute("tabindex", "0"), table);

    /// <summary>Text with a replacement character for each control character that pages can't show.</summary>
    public static string Printable(string text) =>
        string.Concat(text.Select(c => char.IsControl(c) && c is not ('\n' or '\t') ? '\ufffd' : c));

    // XML's short form of an empty element isn't HTML's: only void elements may close themselves.
    private static string Serialize(XElement html)
    {
        string[] voids = ["meta", "br", "hr", "img", "link", "input", "path", "rect", "ellipse", "circle", "line", "polygon", "polyline",
            "use"];
        foreach (XElement element in html.Descendants().Where(e => e.IsEmpty && !voids.Contains(e.Name.LocalName))) element.Value = "";
        foreach (XText node in html.DescendantNodes().OfType<XText>()) node.Value = ValidXml(node.Value);
        foreach (XAttribute attribute in html.DescendantsAndSelf().Attributes().Where(a => !a.IsNamespaceDeclaration))
            attribute.Value = ValidXml(attribute.Value);
        var text = new StringBuilder(html.ToString(SaveOptions.DisableFormatting));
        foreach (string block in (string[])["<section", "<figure", "<tr>", "<h2", "<table>", "<main>", "<footer>", "<body>", "<head>"])
            text.Replace(block, "\n" + block);
        return text.ToString();
    }

    private static string ValidXml(string text) =>
        text.All(System.Xml.XmlConvert.IsXmlChar) ? text
            : string.Concat(
                text.EnumerateRunes().Select(r => r.Value is < 0x20 and not (9 or 10 or 13) or 0xfffe or 0xffff ? "\ufffd" : r.ToString()));
}
