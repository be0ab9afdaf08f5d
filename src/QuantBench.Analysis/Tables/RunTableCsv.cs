using System.Globalization;
using System.Text;
using QuantBench.Analysis.Formatting;
using QuantBench.Core.Metrics;

namespace QuantBench.Analysis.Tables;

/// <summary>The table of a run as CSV: plain numbers, each with its interval and mark, for further work.</summary>
public static class RunTableCsv
{
    /// <summary>The table; a figure that isn't there is empty.</summary>
    public static string Write(RunTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        var text = new StringBuilder();
        Line(text,
        [
            "model", "variant", "class", "backend",
            .. table.Columns.SelectMany(c => (string[])[c.Id, $"{c.Id} low", $"{c.Id} high", $"{c.Id} mark"]),
        ]);
        foreach (RunRow row in table.Rows)
        {
            Line(text,
            [
                row.Model, row.Variant.Id, Format.Class(row.Class), row.Backend.ToString(),
                .. table.Columns.SelectMany(c => Figure(row.Figures[c.Id])),
            ]);
        }

        return text.ToString();
    }

    private static string[] Figure(RunFigure figure)
    {
        double? value = figure.Value ?? (figure.Source?.IsDisturbed == true ? figure.Source.Value : null);
        string mark = figure.Source?.Mark switch { FigureMark.Disturbed => "disturbed", FigureMark.About => "about", _ => "" };
        return [Number(value), Number(figure.Interval?.Low), Number(figure.Interval?.High), mark];
    }

    private static string Number(double? value) =>
        value is { } v && double.IsFinite(v) ? v.ToString("R", CultureInfo.InvariantCulture) : "";

    private static void Line(StringBuilder text, IEnumerable<string> cells) => text.AppendJoin(',', cells.Select(Quoted)).Append("\r\n");

    // A spreadsheet takes what begins with = or @ for a formula.
    private static string Quoted(string cell)
    {
        if (cell is ['=' or '@' or '\t' or '\r', ..]) cell = "'" + cell;
        return cell.AsSpan().ContainsAny(",\"\r\n") ? $"\"{cell.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : cell;
    }
}
