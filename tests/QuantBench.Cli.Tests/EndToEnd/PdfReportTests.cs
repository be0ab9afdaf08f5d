using QuantBench.Analysis.Tables;
using QuantBench.Cli.Composition;
using QuantBench.Cli.Tests.Commands;
using QuantBench.Results.Folders;
using UglyToad.PdfPig;
using UglyToad.PdfPig.Content;

namespace QuantBench.Cli.Tests.EndToEnd;

/// <summary>People sign the printed report: whatever the page scrolls to must stand on paper.</summary>
public sealed class PdfReportTests(StoredRuns stored) : IClassFixture<StoredRuns>
{
    [Fact]
    public async Task Report_HasEveryColumnAndVariantOnPaper_WithinTheSheet()
    {
        if (PdfPrinter.FindBrowser() is null) return; // QuickSuiteTests has what is said then
        string[] arguments = ["report", "run-0", "--pdf", "--results", stored.Path];
        (int code, string output, string problem) = await QuantBenchProcess.RunAsync(arguments);
        Assert.True(code == 0, problem);
        RunTable table = RunTableBuilder.Build(RunFolder.ReadRecord(Path.Combine(stored.Path, "run-0")));
        Assert.True(table.Columns.Length > 9, "one sheet would do");

        using PdfDocument pdf = PdfDocument.Open(output.TrimEnd().Split('\n')[^1]);
        Page[] pages = [.. pdf.GetPages()];
        string text = Bare(string.Concat(pages.Select(p => p.Text)));

        Assert.All(pages, p => Assert.True(p.Width > p.Height, "not landscape"));
        Assert.All(table.Columns, c => Assert.Contains(Bare(c.Title), text, StringComparison.OrdinalIgnoreCase));
        // Each part of the table names its rows.
        int parts = (table.Columns.Length + 8) / 9;
        Assert.All(table.Rows, r => Assert.True(text.Split(Bare(r.Variant.Id)).Length - 1 >= parts, r.Variant.Id));
        Assert.All(table.Rows.SelectMany(r => r.Figures.Values).Where(f => f.Reason is null),
            f => Assert.Contains(Bare(f.Text), text, StringComparison.Ordinal));
        Assert.All(pages, p => Assert.All(p.Letters, l => Assert.InRange(l.BoundingBox.Right, 0, p.Width)));
    }

    private static string Bare(string text) => string.Concat(text.Where(c => !char.IsWhiteSpace(c)));
}
