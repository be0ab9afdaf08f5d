using System.Xml.Linq;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Tables;
using static QuantBench.Analysis.Reports.HtmlPage;

namespace QuantBench.Analysis.Reports;

/// <summary>
/// The results of a run in a page: one table that scrolls on a screen, and on paper, where nothing scrolls, as many as it takes for every
/// column, each with the names of its rows.
/// </summary>
internal static class ResultsHtml
{
    private const int PerSheet = 9; // columns of figures that fit across a sheet

    /// <summary>The tables with the legend of their marks.</summary>
    /// <param name="table">The results.</param>
    /// <param name="withReasons">Whether a figure that isn't there says why: reasons quote logs, which name files.</param>
    public static IEnumerable<object?> Of(RunTable table, bool withReasons = true)
    {
        ArgumentNullException.ThrowIfNull(table);
        string hint = table.Columns.Length > PerSheet ? $" {table.Columns.Length} columns: the table scrolls sideways." : "";
        XElement screen = Table(table, table.Columns, withReasons,
            $"One row per variant. Hover a head for what it means{(withReasons ? ", a – for why there is no figure" : "")}.{hint}");
        screen.Add(new XAttribute("class", "sortable"));
        yield return new XElement("div", new XAttribute("class", "screen"), Scroll("Results by variant", screen));
        RunColumn[][] sheets = [.. table.Columns.Chunk(PerSheet)];
        yield return new XElement("div", new XAttribute("class", "paper"), new XAttribute("aria-hidden", "true"),
            sheets.Select((columns, i) => Table(table, columns, withReasons, sheets.Length == 1 ? "One row per variant."
                : $"One row per variant; part {i + 1} of {sheets.Length}.")));
        foreach (string line in table.Legend) yield return new XElement("p", line);
    }

    private static XElement Table(RunTable table, IReadOnlyList<RunColumn> columns, bool withReasons, string caption) => new("table",
        new XElement("caption", caption),
        new XElement("thead", new XElement("tr",
            table.ShowModel ? Head("Model") : null,
            Head("Variant"),
            Head("Class"),
            table.ShowBackend ? Head("Backend") : null,
            columns.Select(c => new XElement("th", new XAttribute("scope", "col"), new XAttribute("class", "n"),
                new XAttribute("title", c.Description), c.Title,
                c.Unit.Length == 0 ? null : new XElement("span", new XAttribute("class", "unit"), $" {c.Unit}"))))),
        new XElement("tbody", table.Rows.Select(row => new XElement("tr",
            table.ShowModel ? new XElement("td", row.Model) : null,
            new XElement("th", new XAttribute("scope", "row"), new XElement("code", row.Variant.Id)),
            new XElement("td", Format.Class(row.Class)),
            table.ShowBackend ? new XElement("td", row.Backend.ToString()) : null,
            columns.Select(c => Figure(row.Figures[c.Id], withReasons))))));

    private static XElement Figure(RunFigure figure, bool withReasons)
    {
        var cell = new XElement("td", new XAttribute("class", figure.Reason is null ? "n" : "n missing"),
            figure.Reason is null || !withReasons ? figure.Text
                : new XElement("abbr", new XAttribute("title", figure.Reason), figure.Text));
        if (figure.Ends.Length > 0) cell.Add(new XElement("span", new XAttribute("class", "unit"), figure.Ends));
        if (figure.Value is { } value && double.IsFinite(value))
            cell.Add(new XAttribute("data-v", value.ToString("R", System.Globalization.CultureInfo.InvariantCulture)));
        return cell;
    }
}
