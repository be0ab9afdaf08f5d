using QuantBench.Analysis.Reports;
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

    /// <summary>Writes both reports into a folder.</summary>
    /// <param name="record">The run.</param>
    /// <param name="folder">Where to; made when missing.</param>
    /// <returns>Path of the HTML report, or why there is none: a report that can't be written takes nothing from the results.</returns>
    public static (string? Html, string? Problem) Write(RunRecord record, string folder)
    {
        try
        {
            RunReport report = RunReport.Of(record);
            Directory.CreateDirectory(folder);
            File.WriteAllText(Path.Combine(folder, MarkdownFile), MarkdownReport.Write(report));
            string html = Path.Combine(folder, HtmlFile);
            File.WriteAllText(html, HtmlReport.Write(report));
            return (html, null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (null, e.Message);
        }
    }
}
