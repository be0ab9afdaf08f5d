using System.Collections.Immutable;
using System.Xml.Linq;
using QuantBench.Analysis.Reports;
using QuantBench.Core.Cells;
using QuantBench.Results.Exchange;
using QuantBench.Results.Folders;
using QuantBench.SampleData;

namespace QuantBench.Analysis.Tests.Reports;

public sealed class ComplianceReportTests
{
    private static readonly RunRecord s_run = SampleRun.Make();
    private static readonly RunManifest s_files = new(
        ImmutableSortedDictionary<string, string>.Empty.Add("run.json", new string('a', 64)).Add("cells.jsonl", new string('b', 64)));

    private static ComplianceReport Report(params CellResult[] before) => ComplianceReport.Of(s_run, [.. before, .. s_run.Cells], s_files);

    private static ComplianceSection Section(ComplianceReport report, string id) => report.Sections.Single(s => s.Id == id);

    [Fact]
    public void Trail_HasEveryRecordedResult_AndMarksReplacedOnes()
    {
        CellResult cell = s_run.Cells[0];
        CellResult earlier = cell with { Status = CellStatus.Cancelled, Reason = "stopped by the user", Metrics = [] };

        ImmutableArray<ImmutableArray<string>> trail = Section(Report(earlier), "trail").Rows;

        Assert.Equal(s_run.Cells.Length + 1, trail.Length);
        Assert.Equal("cancelled: stopped by the user (replaced by a later result)", trail[0][4]);
        Assert.All(trail.Skip(1), row => Assert.DoesNotContain("replaced", row[4], StringComparison.Ordinal));
    }

    [Fact]
    public void Artifacts_HaveHashesSourcesAndRecipes_AndSayWhatWasNotRecorded()
    {
        CellResult known = s_run.Cells[0] with
        {
            Provenance = ImmutableSortedDictionary<string, string>.Empty.Add("artifact_sha256", "feed")
                .Add("artifact_builder", "llamacpp-quantize (v0.5.0)"),
        };

        ComplianceReport report = ComplianceReport.Of(s_run with { Cells = [known] }, [known], s_files);

        ImmutableArray<string> row = Assert.Single(Section(report, "artifacts").Rows);
        Assert.Equal([$"{known.Cell.Model} {known.Cell.Variant.Id}", "feed", "not recorded", "llamacpp-quantize (v0.5.0)", "not recorded"],
            row.AsEnumerable());
    }

    [Fact]
    public void Html_IsWellFormed_AndHoldsWhatMarkdownHolds()
    {
        ComplianceReport report = Report();
        string html = report.ToHtml();
        string markdown = report.ToMarkdown();

        XDocument document = XDocument.Parse(html["<!DOCTYPE html>".Length..]);
        Assert.Equal(report.Sections.Length + 1, document.Descendants("section").Count());
        Assert.Contains(new string('b', 64), html, StringComparison.Ordinal);
        Assert.Contains(new string('b', 64), markdown, StringComparison.Ordinal);
        Assert.Equal(report.Sections.Sum(s => s.Rows.Length + 2),
            markdown.Split('\n').Count(l => l.StartsWith("| ", StringComparison.Ordinal)));
    }
}
