using QuantBench.Analysis.Compare;
using QuantBench.Analysis.Reports;
using QuantBench.Core.Errors;
using QuantBench.Results.Folders;

namespace QuantBench.Cli.Composition;

/// <summary>Writes a run's reports.</summary>
internal static class Reporting
{
    /// <summary>Name of the report to open in a browser.</summary>
    public const string HtmlFile = "report.html";

    /// <summary>Name of the report to paste.</summary>
    public const string MarkdownFile = "report.md";

    /// <summary>The Markdown report.</summary>
    /// <param name="record">The run.</param>
    public static string Markdown(RunRecord record) => MarkdownReport.Write(RunReport.Of(record));

    /// <summary>Writes both reports of a run into a folder.</summary>
    /// <param name="record">The run.</param>
    /// <param name="folder">Where to; made when missing.</param>
    /// <returns>Path of the HTML report, or why there is none: a report that can't be written takes nothing from the results.</returns>
    public static (string? Html, string? Problem) Write(RunRecord record, string folder) => Write([record], folder);

    /// <summary>Writes both reports of one or more runs into a folder; each run but the first is compared with the first.</summary>
    /// <param name="records">The runs.</param>
    /// <param name="folder">Where to; made when missing.</param>
    /// <returns>Path of the HTML report, or why there is none.</returns>
    public static (string? Html, string? Problem) Write(IReadOnlyList<RunRecord> records, string folder)
    {
        try
        {
            RunReport[] reports = [.. records.Select(RunReport.Of)];
            RunComparison[] comparisons = [.. records.Skip(1).Select(r => RunComparer.Compare(Side(records[0]), Side(r)))];
            Directory.CreateDirectory(folder);
            File.WriteAllText(Path.Combine(folder, MarkdownFile), MarkdownReport.Write(reports, comparisons));
            string html = Path.Combine(folder, HtmlFile);
            File.WriteAllText(html, HtmlReport.Write(reports, comparisons));
            return (html, null);
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            return (null, e.Message);
        }
    }

    private static ComparisonSide Side(RunRecord record) => new(record);
}
