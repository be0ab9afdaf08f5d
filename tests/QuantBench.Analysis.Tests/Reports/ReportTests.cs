using System.Text;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;
using QuantBench.Analysis.Compare;
using QuantBench.Analysis.Reports;
using QuantBench.Core.Cells;
using QuantBench.Core.Runs;
using QuantBench.Results.Folders;
using QuantBench.SampleData;

namespace QuantBench.Analysis.Tests.Reports;

public sealed class ReportTests
{
    private static readonly RunReport s_report = RunReport.Of(SampleRun.Make());
    private static readonly string s_html = HtmlReport.Write(s_report);

    [Fact]
    public void Html_IsWellFormed_AndSmall()
    {
        XDocument document = Parse(s_html);

        Assert.Equal("html", document.Root!.Name.LocalName);
        Assert.InRange(Encoding.UTF8.GetByteCount(s_html), 20_000, 3_000_000);
        string[] ids = [.. document.Descendants().Attributes("id").Select(a => a.Value)];
        Assert.Equal(ids.Length, ids.Distinct().Count());
    }

    [Fact]
    public void Html_OnPaper_HasEveryColumn_InTablesThatFit()
    {
        XElement results = Parse(s_html).Descendants("section").Single(s => s.Attribute("id")?.Value == "results");
        XElement[] Tables(string kind) =>
            [.. results.Descendants("div").Single(d => d.Attribute("class")?.Value == kind).Descendants("table")];
        string[] Columns(XElement table) =>
            [.. table.Element("thead")!.Descendants("th").Where(h => h.Attribute("class")?.Value == "n").Select(h => h.Value)];

        XElement[] sheets = Tables("paper");

        Assert.True(sheets.Length > 1, "the sample has more columns than a sheet holds");
        Assert.Equal(Columns(Tables("screen").Single()), sheets.SelectMany(Columns));
        Assert.All(sheets, t => Assert.InRange(Columns(t).Length, 1, 9));
        Assert.All(sheets, t => Assert.Equal(s_report.Table.Rows.Select(r => r.Variant.Id),
            t.Element("tbody")!.Elements("tr").Select(r => r.Element("th")!.Value)));
        Assert.Contains("@page{size:A4 landscape", s_html, StringComparison.Ordinal);
    }

    [Fact]
    public void Html_AsksForNothing()
    {
        string withoutNamespaces = Regex.Replace(s_html, "xmlns(:\\w+)?=\"[^\"]*\"", "");

        Assert.DoesNotContain("http", withoutNamespaces, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("//", withoutNamespaces, StringComparison.Ordinal);
        Assert.DoesNotMatch("(?i)<(script|link|img|iframe|object|embed)", withoutNamespaces);
        Assert.DoesNotMatch("(?i)(@import|url\\((?!#))", withoutNamespaces);
        Assert.All(Parse(s_html).Descendants().Attributes().Where(a => a.Name.LocalName is "href" or "src"),
            a => Assert.StartsWith("#", a.Value, StringComparison.Ordinal));
    }

    [Fact]
    public void Html_OfSeveralRuns_ComparesEachWithTheFirst_AndKeepsIdsApart()
    {
        RunRecord first = SampleRun.Make();
        RunRecord second = first with { Info = first.Info with { Id = "20261125-010101-other-0001" } };
        RunComparison comparison = RunComparer.Compare(new ComparisonSide(first), new ComparisonSide(second));

        string html = HtmlReport.Write([RunReport.Of(first), RunReport.Of(second)], [comparison]);

        XDocument document = Parse(html);
        string[] ids = [.. document.Descendants().Attributes("id").Select(a => a.Value)];
        Assert.Equal(ids.Length, ids.Distinct().Count());
        Assert.All(document.Descendants().Attributes("aria-labelledby").SelectMany(a => a.Value.Split(' ')),
            id => Assert.Contains(id, ids));
        Assert.All(document.Descendants().Attributes().Where(a => a.Name.LocalName == "href").Select(a => a.Value[1..]),
            id => Assert.Contains(id, ids));
        Assert.Equal($"{second.Info.Id} against {first.Info.Id}",
            document.Descendants("section").Single(s => s.Attribute("id")?.Value == "compare2").Element("h2")!.Value);
    }

    [Fact]
    public void Html_EncodesEveryText()
    {
        RunRecord hostile = SampleRun.Make();
        hostile = hostile with
        {
            Info = hostile.Info
                with
            {
                Suite = "<script>alert(1)</script>",
                SuiteText = "]]> </code><script>x</script> \u0001",
                SuiteSha256 = "\"onload=\"x"
            },
            Cells = [.. hostile.Cells, hostile.Cells[^1] with { Reason = "<img src=x onerror=alert(1)>", Notes = ["</td><b>"] }],
        };

        string html = HtmlReport.Write(RunReport.Of(hostile));

        XDocument document = Parse(html);
        Assert.DoesNotContain(document.Descendants(), e => e.Name.LocalName is "script" or "img" or "b");
        Assert.Contains("&lt;img src=x onerror=alert(1)&gt;", html, StringComparison.Ordinal);
    }

    [Fact]
    public void Html_HasSemanticTables_AndFiguresWithData()
    {
        XDocument document = Parse(s_html);

        XElement[] tables = [.. document.Descendants("table")];
        Assert.All(tables, t => Assert.NotNull(t.Element("caption")));
        Assert.All(tables.SelectMany(t => t.Descendants("th")),
            th => Assert.Contains(th.Attribute("scope")?.Value, (string[])["row", "col"]));
        XElement[] figures = [.. document.Descendants("figure")];
        Assert.Equal(4, figures.Length);
        Assert.All(figures, f => Assert.NotNull(f.Element("figcaption")));
        Assert.All(figures, f => Assert.NotNull(f.Element("details")?.Descendants("table").FirstOrDefault()));
        Assert.All(tables,
            t => Assert.All(t.Descendants("tr"),
                r => Assert.Equal(t.Element("thead")!.Element("tr")!.Elements().Count(), r.Elements().Count())));
    }

    [Fact]
    public void Html_ClosesNoElementThatHtmlLeavesOpen()
    {
        // <td/> is an open tag to an HTML parser: everything after would become its content.
        string[] closed = [.. Regex.Matches(s_html, "<([a-zA-Z]+)[^<>]*/>").Select(m => m.Groups[1].Value).Distinct()];

        Assert.All(closed, name => Assert.Contains(name, (string[])["meta", "path", "rect", "ellipse", "circle", "polygon", "line"]));
    }

    [Fact]
    public void Html_SaysWhy_WhereThereIsNoFigure()
    {
        XElement[] missing = [.. Parse(s_html).Descendants("abbr")];

        Assert.NotEmpty(missing);
        Assert.All(missing, m => Assert.False(string.IsNullOrEmpty(m.Attribute("title")?.Value)));
    }

    [Fact]
    public void Lead_SaysWhatRanAndHowItEnded()
    {
        Assert.Equal(
            "Suite reference measured 11 variants of reference on llamacpp/cpu (Example CPU <3.0 GHz> & co) in 4 min 0 s: of 41 cells 39 "
                + "ok, 1 failed, 1 unsupported.",
            s_report.Lead.Replace('\u00a0', ' '));
    }

    [Fact]
    public void Lead_SaysSo_WhenTheRunIsNotWhole()
    {
        RunRecord part = SampleRun.Make();
        part = part with { Info = part.Info with { Status = RunStatus.Interrupted, Finished = null }, Cells = part.Cells[..3] };

        Assert.EndsWith("of 41 cells 2 ok, 1 unsupported; 38 not measured yet. The run was interrupted.", RunReport.Of(part).Lead,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Markdown_HasEverySection_AndNoHtml()
    {
        string text = MarkdownReport.Write(s_report);

        Assert.Equal(
            ["## Results", "## Cells without figures", "## Method", "## Machine and software", "## Provenance", "## Measure it again"],
            text.Split('\n').Where(l => l.StartsWith("## ", StringComparison.Ordinal)));
        Assert.DoesNotContain("<", text, StringComparison.Ordinal);
        Assert.Contains("./run-bench.sh run suites/reference.yaml", text, StringComparison.Ordinal);
        Assert.Contains(SampleRun.Protocol.Replace("_", "\\_", StringComparison.Ordinal), text, StringComparison.Ordinal);
    }

    [Fact]
    public void Notes_OfCellsAndFigures_AreListed()
    {
        RunRecord run = SampleRun.Make();
        CellResult first = run.Cells[0];
        CellResult marked = first
            with
        { Notes = ["background load 1.8"], Metrics = [first.Metrics[0] with { Notes = ["warm-up cap reached"] }] };

        RunReport report = RunReport.Of(run with { Cells = run.Cells.SetItem(0, marked) });

        Assert.Equal(["background load 1.8", "perplexity: warm-up cap reached"], report.Notes.Select(n => n.Note));
    }

    [Fact]
    public void Reports_AreMade_ForARunWithoutCells()
    {
        RunReport empty = RunReport.Of(SampleRun.Make() with { Cells = [] });

        Parse(HtmlReport.Write(empty));
        Assert.Contains("none has ended", MarkdownReport.Write(empty), StringComparison.Ordinal);
    }

    private static XDocument Parse(string html) =>
        XDocument.Load(
            XmlReader.Create(new StringReader(html), new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore, XmlResolver = null }));
}
