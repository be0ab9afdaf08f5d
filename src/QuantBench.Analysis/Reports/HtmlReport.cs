using System.Text;
using System.Xml.Linq;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Tables;
using QuantBench.Core.Runs;

namespace QuantBench.Analysis.Reports;

/// <summary>
/// Writes <c>report.html</c>: one file that asks for nothing else, in light and dark, to print, and for screen readers. It is built as XML, so
/// every text is encoded by the writer and the result is well-formed as XML and as HTML.
/// </summary>
public static class HtmlReport
{
    /// <summary>The report.</summary>
    public static string Write(RunReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        RunInfo info = report.Run.Info;
        var html = new XElement(
            "html",
            new XAttribute("lang", "en"),
            new XElement(
                "head",
                new XElement("meta", new XAttribute("charset", "utf-8")),
                new XElement("meta", new XAttribute("name", "viewport"), new XAttribute("content", "width=device-width, initial-scale=1")),
                new XElement("meta", new XAttribute("name", "color-scheme"), new XAttribute("content", "light dark")),
                new XElement("title", $"{info.Suite} {info.Id}: QuantBench report"),
                new XElement("style", HtmlStyle.Sheet)),
            new XElement(
                "body",
                new XElement("a", new XAttribute("class", "skip"), new XAttribute("href", "#results"), "Skip to the results"),
                new XElement(
                    "header",
                    new XElement("p", new XAttribute("class", "kicker"), "QuantBench report"),
                    new XElement("h1", info.Suite, " ", new XElement("span", new XAttribute("class", "id"), info.Id)),
                    new XElement("p", new XAttribute("class", "lead"), report.Lead),
                    info.Tags.IsDefaultOrEmpty ? null : new XElement("p", new XAttribute("class", "note"), $"Tags: {string.Join(", ", info.Tags)}")),
                new XElement("main", Summary(report), Results(report), Figures(report), Problems(report), Marks(report), Method(report), Machine(report), Provenance(report), Reproduce(report)),
                new XElement("footer", new XElement("p", $"Made by QuantBench {info.Fingerprint.QuantBench}. Started {Format.Time(info.Started)}{(info.Finished is { } end ? $", finished {Format.Time(end)}" : "")}."))));
        return "<!DOCTYPE html>\n" + Serialize(html) + "\n";
    }

    private static XElement Summary(RunReport report) => Section(
        "summary", "In short",
        new XElement("dl", new XAttribute("class", "counts"), report.Table.Counts.Select(c => new XElement("div", new XElement("dt", RunReport.Word(c.Key)), new XElement("dd", c.Value)))),
        report.Figures.Length > 0 ? new XElement("ul", report.Figures.Select(f => new XElement("li", f.Finding))) : null);

    private static XElement Results(RunReport report)
    {
        RunTable table = report.Table;
        XElement head = new("tr",
            table.ShowModel ? Head("Model") : null,
            Head("Variant"),
            Head("Class"),
            table.ShowBackend ? Head("Backend") : null,
            table.Columns.Select(c => new XElement("th", new XAttribute("scope", "col"), new XAttribute("class", "n"), new XAttribute("title", c.Description), c.Title,
                c.Unit.Length == 0 ? null : new XElement("span", new XAttribute("class", "unit"), $" {c.Unit}"))));
        IEnumerable<XElement> rows = table.Rows.Select(row => new XElement(
            "tr",
            table.ShowModel ? new XElement("td", row.Model) : null,
            new XElement("th", new XAttribute("scope", "row"), new XElement("code", row.Variant.Id)),
            new XElement("td", Format.Class(row.Variant.Scheme.PrecisionClass)),
            table.ShowBackend ? new XElement("td", row.Backend.ToString()) : null,
            table.Columns.Select(c => Figure(row.Figures[c.Id]))));
        return Section(
            "results", "Results",
            Scroll("Results by variant", new XElement("table",
                new XElement("caption", "One row per variant. Hover a head for what it means, a – for why there is no figure."),
                new XElement("thead", head), new XElement("tbody", rows))));

        static XElement Figure(RunFigure figure) => figure.Reason is null
            ? new XElement("td", new XAttribute("class", "n"), figure.Text)
            : new XElement("td", new XAttribute("class", "n missing"), new XElement("abbr", new XAttribute("title", figure.Reason), figure.Text));
    }

    private static XElement? Figures(RunReport report) => report.Figures.Length == 0 ? null : Section(
        "figures", "Figures",
        report.Figures.Select(f => new XElement(
            "figure",
            new XAttribute("id", f.Id),
            new XElement("h3", f.Title),
            new XElement("div", new XAttribute("class", "plot"), XElement.Parse(f.Svg, LoadOptions.PreserveWhitespace)),
            new XElement("figcaption", new XElement("strong", f.Finding), " ", f.Caption),
            new XElement("details", new XElement("summary", "Data"), DataTable($"Data of: {f.Title}", f.Head, f.Rows.Select(r => r.ToArray()))))));

    private static XElement? Problems(RunReport report) => report.Table.Problems.Length == 0 ? null : Section(
        "problems", "Cells without figures",
        DataTable("Cells without figures, grouped by reason", ["Status", "Reason", "Cells"],
            report.Table.Problems.Select(p => new[] { RunReport.Word(p.Status), p.Reason, string.Join("; ", p.Cells) })));

    private static XElement? Marks(RunReport report)
    {
        if (report.Notes.Length == 0) return null;
        string[][] rows = [.. report.Notes.GroupBy(n => n.Cell).Select(g => new[] { g.Key, string.Join("; ", g.Select(n => n.Note).Distinct()) })];
        return Section(
            "marks", "Marks",
            new XElement("p", "What was noticed while measuring, e.g. other programs' load, or an interval wider than the suite asked for."),
            new XElement(
                "details",
                new XElement("summary", $"{rows.Length} {(rows.Length == 1 ? "cell has" : "cells have")} marks"),
                DataTable("Marks left while measuring", ["Cell", "Marks"], rows)));
    }

    private static XElement Method(RunReport report) => Section(
        "method", "Method",
        MethodText.Of(report).Select(p => new XElement("p", p)),
        DataTable("Metrics", ["Metric", "Unit", "Better", "Definition"], report.Metrics.Select(m => new[] { m.Name, m.Unit, m.Direction.ToString().ToLowerInvariant(), m.Description })),
        DataTable("Settings; what isn't listed is at its default", ["Workload", "Settings"], report.Settings.Select(s => new[] { s.Name, s.Value })),
        report.Protocols.Length == 0 ? null : new XElement("p", "Protocol of the quality figures; only figures of one protocol are compared: ", report.Protocols.Select((p, i) => new object[] { i > 0 ? ", " : "", new XElement("code", p) })));

    private static XElement Machine(RunReport report) => Section(
        "machine", "Machine and software", DataTable("Fingerprint", ["Fact", "Value"], report.Fingerprint.Select(f => new[] { f.Name, f.Value })));

    private static XElement? Provenance(RunReport report) => report.Provenance.Length == 0 ? null : Section(
        "provenance", "Provenance",
        report.Provenance.Select(p => new XElement("details", new XElement("summary", p.Title), DataTable($"Provenance of {p.Title}", ["Fact", "Value"], p.Facts.Select(f => new[] { f.Name, f.Value })))));

    private static XElement Reproduce(RunReport report) => Section(
        "reproduce", "Measure it again",
        new XElement("pre", new XElement("code", report.Reproduce)),
        new XElement("p", "Suite SHA-256: ", new XElement("code", report.Run.Info.SuiteSha256)),
        new XElement("details", new XElement("summary", "Suite as it ran"), new XElement("pre", new XElement("code", Printable(report.Run.Info.SuiteText)))));

    private static XElement Section(string id, string title, params object?[] content) =>
        new("section", new XAttribute("aria-labelledby", $"{id}-h"), new XAttribute("id", id), new XElement("h2", new XAttribute("id", $"{id}-h"), title), content);

    private static XElement Head(string text) => new("th", new XAttribute("scope", "col"), text);

    private static XElement DataTable(string caption, IEnumerable<string> head, IEnumerable<string[]> rows) => Scroll(
        caption,
        new XElement("table",
            new XElement("caption", caption),
            new XElement("thead", new XElement("tr", head.Select(Head))),
            new XElement("tbody", rows.Select(r => new XElement("tr", r.Select((cell, i) => i == 0 ? new XElement("th", new XAttribute("scope", "row"), Printable(cell)) : new XElement("td", Printable(cell))))))));

    // A wide table scrolls in its own region, reachable by keyboard.
    private static XElement Scroll(string name, XElement table) =>
        new("div", new XAttribute("class", "scroll"), new XAttribute("role", "region"), new XAttribute("aria-label", name), new XAttribute("tabindex", "0"), table);

    private static string Printable(string text) => string.Concat(text.Select(c => char.IsControl(c) && c is not ('\n' or '\t') ? '\ufffd' : c));

    // XML's short form of an empty element isn't HTML's: only void elements may close themselves.
    private static string Serialize(XElement html)
    {
        string[] voids = ["meta", "br", "hr", "img", "link", "input", "path", "rect", "ellipse", "circle", "line", "polygon", "polyline", "use"];
        foreach (XElement element in html.Descendants().Where(e => e.IsEmpty && !voids.Contains(e.Name.LocalName))) element.Value = "";
        foreach (XText node in html.DescendantNodes().OfType<XText>()) node.Value = ValidXml(node.Value);
        foreach (XAttribute attribute in html.DescendantsAndSelf().Attributes().Where(a => !a.IsNamespaceDeclaration)) attribute.Value = ValidXml(attribute.Value);
        var text = new StringBuilder(html.ToString(SaveOptions.DisableFormatting));
        foreach (string block in (string[])["<section", "<figure", "<tr>", "<h2", "<table>", "<main>", "<footer>", "<body>", "<head>"]) text.Replace(block, "\n" + block);
        return text.ToString();
    }

    private static string ValidXml(string text) => text.All(System.Xml.XmlConvert.IsXmlChar) ? text : string.Concat(text.EnumerateRunes().Select(r => r.Value is < 0x20 and not (9 or 10 or 13) or 0xfffe or 0xffff ? "\ufffd" : r.ToString()));
}
