using System.Globalization;
using System.Text;
using System.Xml;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Limits;
using QuantBench.Analysis.Tables;

namespace QuantBench.Analysis.Gates;

/// <summary>Gates as a Markdown summary and as JUnit XML.</summary>
public static class GateText
{
    /// <summary>One sentence.</summary>
    public static string Lead(GateReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        int failed = report.Results.Count(r => !r.Passed);
        string against = report.BaselineId is { } baseline ? $" against {baseline}" : "";
        string text = failed == 0
            ? $"Run {report.RunId}{against} keeps all {Format.Count(report.Results.Length)} gates"
            : $"Run {report.RunId}{against} breaks {Format.Count(failed)} of {Format.Count(report.Results.Length)} gates";
        int unsure = report.Results.Count(r => r.Checks.Any(c => c.Standing is Standing.KeptNotShown or Standing.BrokenNotShown));
        return unsure == 0 ? text + "."
            : $"{text}; {Format.Count(unsure)} {(unsure == 1 ? "is" : "are")} decided by the estimate alone, since the interval lies on "
                + "both sides of the limit.";
    }

    /// <summary>The figure of a result.</summary>
    public static string Figure(GateResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        return result.Checks.IsEmpty ? Format.Missing : result.Checks[0].FigureWithInterval();
    }

    /// <summary>The limits of a result's gate.</summary>
    public static string Limits(GateResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        string limits = string.Join(" and ", result.Rule.Bounds.Select(BoundCheck.Text));
        return result.Rule.Base switch
        {
            Core.Gates.GateBase.Variant => $"{limits} vs {result.Rule.BaseVariant}",
            Core.Gates.GateBase.Baseline => $"{limits} vs baseline",
            _ => limits,
        };
    }

    /// <summary>A summary for a job's page: the broken first.</summary>
    public static string Markdown(GateReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture,
            $"{E(Lead(report))}\n\n| Gate | Variant | Class | Figure (95 %) | Limit | Result | Why |\n| --- | --- | --- | ---: | --- | --- "
                + $"| --- |\n");
        foreach (GateResult r in report.Results.OrderBy(r => r.Passed))
        {
            string precision = r.Candidate is { } c ? Format.Class(c.Class) : Format.Missing;
            text.Append(CultureInfo.InvariantCulture,
                $"| {E(r.Rule.Name)} | {E(r.Name)} | {precision} | {E(Figure(r))} | {E(Limits(r))} | {(r.Passed ? "kept" : "**broken**")} "
                    + $"| {E(r.Reason)} |\n");
        }

        foreach (string note in report.Notes) text.Append(CultureInfo.InvariantCulture, $"\n{E(note)}\n");
        return text.ToString();

        static string E(string value) => MarkdownTable.Escape(value);
    }

    /// <summary>JUnit XML as CI servers read it: one test case per gate and variant; a gate without a figure is an error, a broken one a
    /// failure.</summary>
    public static string JUnit(GateReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        var text = new StringBuilder();
        using (var xml = XmlWriter.Create(text, new XmlWriterSettings { Indent = true, OmitXmlDeclaration = true, NewLineChars = "\n" }))
        {
            string tests = report.Results.Length.ToString(CultureInfo.InvariantCulture);
            string failures = report.Results.Count(r => !r.Passed && r.HasFigure).ToString(CultureInfo.InvariantCulture);
            string errors = report.Results.Count(r => !r.Passed && !r.HasFigure).ToString(CultureInfo.InvariantCulture);
            xml.WriteStartElement("testsuites");
            Counts();
            xml.WriteStartElement("testsuite");
            xml.WriteAttributeString("name", $"quantbench gates of {report.RunId}");
            Counts();
            foreach (GateResult r in report.Results)
            {
                xml.WriteStartElement("testcase");
                xml.WriteAttributeString("classname", Printable(r.Name.Length > 0 ? $"{report.RunId}.{r.Name}" : report.RunId));
                xml.WriteAttributeString("name", Printable(r.Rule.Name));
                if (!r.Passed)
                {
                    xml.WriteStartElement(r.HasFigure ? "failure" : "error");
                    xml.WriteAttributeString("message", Printable(r.Reason));
                    xml.WriteAttributeString("type", r.HasFigure ? "broken" : "no figure");
                    xml.WriteString(Printable($"{Limits(r)}; figure {Figure(r)}; rule at {r.Rule.Place}"));
                    xml.WriteEndElement();
                }
                else if (r.Reason.Length > 0)
                {
                    xml.WriteElementString("system-out", Printable(r.Reason));
                }

                xml.WriteEndElement();
            }

            xml.WriteEndElement();
            xml.WriteEndElement();

            void Counts()
            {
                xml.WriteAttributeString("tests", tests);
                xml.WriteAttributeString("failures", failures);
                xml.WriteAttributeString("errors", errors);
            }
        }

        return $"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{text}\n";
    }

    // Reasons quote logs, and XML has no way to write most control characters.
    private static string Printable(string text) => new([.. text.Where(XmlConvert.IsXmlChar)]);
}
