using System.CommandLine;
using QuantBench.Analysis.Reports;
using QuantBench.Cli.Composition;
using QuantBench.Core.Errors;
using QuantBench.Results.Exchange;
using QuantBench.Results.Folders;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench report</c>.</summary>
internal static class ReportCommand
{
    private const string ComplianceName = "compliance";

    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        var runs = new Argument<string[]>("run")
        {
            Description =
                "'latest', a run's id or the beginning of one, or its folder; several make one report that compares each with the first",
            Arity = ArgumentArity.OneOrMore,
            DefaultValueFactory = _ => ["latest"],
        };
        var folder = new Option<string?>(
            "--out")
        { Description = "directory to write to (default: the run's folder; for several runs, ./report)", HelpName = "DIR" };
        var pdf = new Option<bool>("--pdf") { Description = "also print the HTML to PDF by a Chromium-based browser of this machine" };
        var compliance = new Option<bool>("--compliance")
        {
            Description =
                "also write compliance.html and .md (provenance, environment, audit trail) and manifest.sha256 to sign; one run only",
        };
        var command = new Command("report", "Write report.html (self-contained, with plots) and report.md of one or more runs.") { runs,
            folder, pdf, compliance };
        command.SetAction(async (parsed, stop) =>
        {
            var catalog = new RunCatalog(global.Environment(parsed).ResultsRoot);
            string[] names = parsed.GetRequiredValue(runs);
            RunEntry[] entries = [.. names.Select(catalog.Find)];
            bool wantsCompliance = parsed.GetValue(compliance);
            if (wantsCompliance && entries.Length > 1)
                throw new RequestException("a compliance record is of one run.", "Name one run with --compliance.");
            string to = Path.GetFullPath(parsed.GetValue(folder) ?? (entries.Length == 1 ? entries[0].Path : "report"));
            (string? html, string? problem) = Reporting.Write([.. entries.Select(e => RunFolder.ReadRecord(e.Path))], to);
            if (html is null)
                throw new StoreException($"the report couldn't be written: {problem}", "Name another directory with --out DIR.");
            List<string> written = [html];
            if (parsed.GetValue(pdf)) written.Add(await PrintAsync(html, stop));
            if (wantsCompliance)
            {
                written.AddRange(WriteCompliance(entries[0], to));
                if (parsed.GetValue(pdf)) written.Add(await PrintAsync(Path.Combine(to, $"{ComplianceName}.html"), stop));
            }

            foreach (string path in written) parsed.InvocationConfiguration.Output.WriteLine(path);
        });
        help.Add(command, """
            Examples:
              quantbench report latest
              quantbench report 20261123-0415 --out /tmp/report --pdf
              quantbench report 20261122-0400 latest        one report; the second compared with the first
              quantbench report latest --compliance         provenance, audit trail, and SHA-256 sums to sign
            """);
        return command;
    }

    private static async Task<string> PrintAsync(string html, CancellationToken stop)
    {
        string pdf = Path.ChangeExtension(html, ".pdf");
        await PdfPrinter.PrintAsync(html, pdf, stop);
        return pdf;
    }

    // The manifest comes last: it has the sums of the record that lists the other files' sums.
    private static string[] WriteCompliance(RunEntry entry, string to)
    {
        RunManifest content = RunManifest.OfContent(entry.Path);
        ComplianceReport report = ComplianceReport.Of(RunFolder.ReadRecord(entry.Path), RunHistory.Read(entry.Path), content);
        string html = Path.Combine(to, $"{ComplianceName}.html");
        string markdown = Path.Combine(to, $"{ComplianceName}.md");
        string manifest = Path.Combine(to, RunManifest.FileName);
        DiskFault.AsStore("the compliance record couldn't be written", "Name another directory with --out DIR.", () =>
        {
            File.WriteAllText(html, report.ToHtml());
            File.WriteAllText(markdown, report.ToMarkdown());
            // Paths start from the manifest's own folder, so the sums can be checked where they lie.
            string[] derived = [Reporting.HtmlFile, Reporting.MarkdownFile, Path.GetFileName(html), Path.GetFileName(markdown)];
            File.WriteAllText(manifest, content.Moved(entry.Path, to).With(to, derived).ToString());
        });

        return [html, markdown, manifest];
    }
}
