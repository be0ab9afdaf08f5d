using System.Xml.Linq;
using QuantBench.Analysis.Compare;
using QuantBench.Analysis.Formatting;
using QuantBench.Core.Runs;
using static QuantBench.Analysis.Reports.HtmlPage;

namespace QuantBench.Analysis.Reports;

/// <summary>
/// Writes <c>report.html</c>: every figure of a run with its plots, their data as tables, and what they were measured on.
/// </summary>
public static class HtmlReport
{
    /// <summary>The report of one run.</summary>
    public static string Write(RunReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        RunInfo info = report.Run.Info;
        return HtmlPage.Write(
            $"{info.Suite} {info.Id}: QuantBench report", "results",
            [new XElement("p", new XAttribute("class", "kicker"), "QuantBench report"), .. Heading(report, "h1")], Sections(report),
            $"Made by QuantBench {info.Fingerprint.QuantBench}. Started "
                + $"{Format.Time(info.Started)}{(info.Finished is { } end ? $", finished {Format.Time(end)}" : "")}.");
    }

    /// <summary>One report of several runs: how each differs from the first one, then each run whole.</summary>
    /// <param name="reports">The runs, the base first.</param>
    /// <param name="comparisons">Each other run against the first.</param>
    public static string Write(IReadOnlyList<RunReport> reports, IReadOnlyList<RunComparison> comparisons)
    {
        ArgumentNullException.ThrowIfNull(reports);
        ArgumentNullException.ThrowIfNull(comparisons);
        if (reports.Count == 1) return Write(reports[0]);
        var sections = new List<object?>();
        sections.Add(Section(
            "runs", "Runs",
            new XElement("ul",
                reports.Select((r, i) =>
                    new XElement("li", new XElement("a", new XAttribute("href", $"#run{i + 1}"), r.Run.Info.Id), $": {r.Lead}")))));
        for (int i = 0; i < comparisons.Count; i++) sections.Add(Comparison($"compare{i + 2}", comparisons[i]));
        for (int i = 0; i < reports.Count; i++)
        {
            var run = new XElement("div", new XAttribute("id", "run"), Heading(reports[i], "h2"), Sections(reports[i]));
            SetApart(run, i + 1);
            sections.Add(run);
        }

        return HtmlPage.Write(
            $"{reports.Count} runs: QuantBench report", "runs",
            [new XElement("p", new XAttribute("class", "kicker"), "QuantBench report"), new XElement("h1", $"{reports.Count} runs")],
            sections, $"Made by QuantBench {reports[0].Run.Info.Fingerprint.QuantBench}.");
    }

    private static IEnumerable<XElement?> Heading(RunReport report, string level) =>
    [
        new XElement(level, new XAttribute("id", "heading"), report.Run.Info.Suite, " ",
            new XElement("span", new XAttribute("class", "id"), report.Run.Info.Id)),
        new XElement("p", new XAttribute("class", "lead"), report.Lead),
        report.Run.Info.Tags.IsDefaultOrEmpty ? null
            : new XElement("p", new XAttribute("class", "note"), $"Tags: {string.Join(", ", report.Run.Info.Tags)}"),
    ];

    private static XElement?[] Sections(RunReport report) =>
        [Summary(report), Results(report), Figures(report), Problems(report), Marks(report), Method(report), Machine(report),
            Provenance(report), Reproduce(report)];

    private static XElement Comparison(string id, RunComparison comparison) => Section(
        id, $"{comparison.B} against {comparison.A}",
        new XElement("p", ComparisonText.Lead(comparison)),
        DataTable(
            $"Figures of {comparison.A} and {comparison.B}", ["Cell", "Metric", "A", "B", "Difference (95 %)", "Verdict", "How"],
            comparison.Rows.Select(r => new[]
            {
                r.Cell, r.Metric.Name, Format.Value(r.A), Format.Value(r.B), ComparisonText.Difference(r), ComparisonText.Word(r.Verdict),
                r.Note,
            })));

    // Ids must be unique on a page, so those of each run get its number; what points at them follows, and names of sections end in the
    // run's.
    private static void SetApart(XElement run, int number)
    {
        HashSet<string> ids = [.. run.DescendantsAndSelf().Attributes("id").Select(a => a.Value)];
        foreach (XAttribute attribute in run.DescendantsAndSelf().Attributes().Where(a => !a.IsNamespaceDeclaration))
        {
            string value = attribute.Value;
            if (attribute.Name.LocalName == "id") attribute.Value = New(value);
            else if (attribute.Name.LocalName is "aria-labelledby" or "aria-describedby")
                attribute.Value =
                    string.Join(' ',
                        value.Split(' ').Append(attribute.Parent?.Name.LocalName == "section" ? "heading" : null).OfType<string>()
                            .Select(v => ids.Contains(v) ? New(v) : v));
            else if (value.StartsWith('#') && ids.Contains(value[1..])) attribute.Value = $"#{New(value[1..])}";
            else if (value.StartsWith("url(#", StringComparison.Ordinal) && ids.Contains(value[5..^1]))
                attribute.Value = $"url(#{New(value[5..^1])})";
            else if (attribute.Name.LocalName == "aria-label" && attribute.Parent?.Attribute("role")?.Value == "region")
                attribute.Value = $"{value}, run {number}";
        }

        string New(string id) => id == "run" ? $"run{number}" : $"run{number}-{id}";
    }

    private static XElement Summary(RunReport report) => Section(
        "summary", "In short",
        new XElement("dl", new XAttribute("class", "counts"),
            report.Table.Counts.Select(c => new XElement("div", new XElement("dt", RunReport.Word(c.Key)), new XElement("dd", c.Value)))),
        report.Figures.Length > 0 ? new XElement("ul", report.Figures.Select(f => new XElement("li", f.Finding))) : null);

    private static XElement Results(RunReport report) => Section("results", "Results", ResultsHtml.Of(report.Table));

    private static XElement? Figures(RunReport report) => report.Figures.Length == 0 ? null : Section(
        "figures", "Figures",
        report.Figures.Select(f => new XElement(
            "figure",
            new XAttribute("id", f.Id),
            new XElement("h3", f.Title),
            new XElement("div", new XAttribute("class", "plot"), XElement.Parse(f.Svg, LoadOptions.PreserveWhitespace)),
            new XElement("figcaption", new XElement("strong", f.Finding), " ", f.Caption),
            new XElement("details", new XElement("summary", "Data"),
                DataTable($"Data of: {f.Title}", f.Head, f.Rows.Select(r => r.ToArray()))))));

    private static XElement? Problems(RunReport report) => report.Table.Problems.Length == 0 ? null : Section(
        "problems", "Cells without figures",
        DataTable("Cells without figures, grouped by reason", ["Status", "Reason", "Cells"],
            report.Table.Problems.Select(p => new[] { RunReport.Word(p.Status), p.Reason, string.Join("; ", p.Cells) })));

    private static XElement? Marks(RunReport report)
    {
        if (report.Notes.Length == 0) return null;
        string[][] rows = [
            .. report.Notes.GroupBy(n => n.Cell).Select(g => new[] { g.Key, string.Join("; ", g.Select(n => n.Note).Distinct()) })];
        return Section(
            "marks", "Marks",
            new XElement("p",
                "What was noticed while measuring, e.g. other programs' load, or an interval wider than the suite asked for."),
            new XElement(
                "details",
                new XElement("summary", $"{rows.Length} {(rows.Length == 1 ? "cell has" : "cells have")} marks"),
                DataTable("Marks left while measuring", ["Cell", "Marks"], rows)));
    }

    private static XElement Method(RunReport report) => Section(
        "method", "Method",
        MethodText.Of(report).Select(p => new XElement("p", p)),
        DataTable("Metrics", ["Metric", "Unit", "Better", "Definition"],
            report.Metrics.Select(m => new[] { m.Name, m.Unit, m.Direction.ToString().ToLowerInvariant(), m.Description })),
        DataTable("Settings; what isn't listed is at its default", ["Workload", "Settings"],
            report.Settings.Select(s => new[] { s.Name, s.Value })),
        report.Protocols.Length == 0 ? null
            : new XElement("p", "Protocol of the quality figures; only figures of one protocol are compared: ",
                report.Protocols.Select((p, i) => new object[] { i > 0 ? ", " : "", new XElement("code", p) })));

    private static XElement Machine(RunReport report) => Section(
        "machine", "Machine and software",
        DataTable("Fingerprint", ["Fact", "Value"], report.Fingerprint.Select(f => new[] { f.Name, f.Value })));

    private static XElement? Provenance(RunReport report) => report.Provenance.Length == 0 ? null : Section(
        "provenance", "Provenance",
        report.Provenance.Select(p =>
            new XElement("details", new XElement("summary", p.Title),
                DataTable($"Provenance of {p.Title}", ["Fact", "Value"], p.Facts.Select(f => new[] { f.Name, f.Value })))));

    private static XElement Reproduce(RunReport report) => Section(
        "reproduce", "Measure it again",
        new XElement("pre", new XElement("code", report.Reproduce)),
        new XElement("p", "Suite SHA-256: ", new XElement("code", report.Run.Info.SuiteSha256)),
        new XElement("details", new XElement("summary", "Suite as it ran"),
            new XElement("pre", new XElement("code", Printable(report.Run.Info.SuiteText)))));
}
