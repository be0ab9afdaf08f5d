using System.Text;
using QuantBench.Analysis.Compare;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Plots;
using QuantBench.Analysis.Tables;

namespace QuantBench.Analysis.Reports;

/// <summary>Writes <c>report.md</c>.</summary>
public static class MarkdownReport
{
    /// <summary>Several runs: how each differs from the first one, then each run whole.</summary>
    /// <param name="reports">The runs, the base first.</param>
    /// <param name="comparisons">Each other run against the first.</param>
    public static string Write(IReadOnlyList<RunReport> reports, IReadOnlyList<RunComparison> comparisons)
    {
        ArgumentNullException.ThrowIfNull(reports);
        ArgumentNullException.ThrowIfNull(comparisons);
        return string.Join("\n",
            comparisons.Select(c => $"# {Escape(c.B)} against {Escape(c.A)}\n\n{ComparisonText.Markdown(c)}")
                .Concat(reports.Select(Write)));
    }

    /// <summary>The report as GitHub-flavoured Markdown; no images, each figure's finding in words.</summary>
    public static string Write(RunReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        var text = new StringBuilder();
        Line($"# {Escape(report.Run.Info.Suite)}: {Escape(report.Run.Info.Id)}");
        Line(Escape(report.Lead));
        foreach (PlotFigure figure in report.Figures) text.Append("- ").Append(Escape(figure.Finding)).Append('\n');
        Line("");
        Line("## Results");
        text.Append(MarkdownTable.Write(report.Table)).Append('\n');
        if (report.Table.Problems.Length > 0)
        {
            Line("## Cells without figures");
            Table(["Status", "Cells", "Reason"], report.Table.Problems.Select(p => new[] { RunReport.Word(p.Status), Cells(p), p.Reason }));
        }

        if (report.Notes.Length > 0)
        {
            Line("## Marks");
            Table(["Cell", "Mark"], report.Notes.Select(n => new[] { n.Cell, n.Note }));
        }

        Line("## Method");
        foreach (string paragraph in MethodText.Of(report)) Line(Escape(paragraph));
        Table(["Metric", "Unit", "Better", "Definition"],
            report.Metrics.Select(m => new[] { m.Name, m.Unit, m.Direction.ToString().ToLowerInvariant(), m.Description }));
        Table(["Workload", "Settings"], report.Settings.Select(s => new[] { s.Name, s.Value }));
        foreach (string protocol in report.Protocols) Line($"Protocol: {Escape(protocol)}");
        Line("## Machine and software");
        Table(["", "Value"], report.Fingerprint.Select(f => new[] { f.Name, f.Value }));
        if (report.Provenance.Length > 0)
        {
            Line("## Provenance");
            Table(["Artifact", "Fact", "Value"],
                report.Provenance.SelectMany(p => p.Facts.Select(f => new[] { p.Title, f.Name, f.Value })));
        }

        Line("## Measure it again");
        text.Append("```sh\n").Append(report.Reproduce.ReplaceLineEndings(" ")).Append("\n```\n\n");
        Line($"Suite SHA-256: {report.Run.Info.SuiteSha256}. Started {Format.Time(report.Run.Info.Started)}.");
        return text.ToString().TrimEnd('\n') + "\n";

        void Line(string line) => text.Append(line).Append(line.Length == 0 ? "\n" : "\n\n");

        void Table(string[] head, IEnumerable<string[]> rows)
        {
            Row(head);
            Row([.. head.Select(_ => "---")]);
            foreach (string[] row in rows) Row([.. row.Select(Escape)]);
            text.Append('\n');
        }

        void Row(string[] cells) => text.Append("| ").AppendJoin(" | ", cells).Append(" |\n");
    }

    private static string Cells(CellProblem problem) =>
        problem.Cells.Length <= 4 ? string.Join("; ", problem.Cells)
            : $"{string.Join("; ", problem.Cells.Take(3))}; and {problem.Cells.Length - 3} more";

    private static string Escape(string text) => MarkdownTable.Escape(text);
}
