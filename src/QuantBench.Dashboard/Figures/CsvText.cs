using System.Text;

namespace QuantBench.Dashboard.Figures;

/// <summary>Tables as CSV (RFC 4180).</summary>
public static class CsvText
{
    /// <summary>Writes a table.</summary>
    /// <param name="head">Column heads.</param>
    /// <param name="rows">Rows.</param>
    public static string Write(IEnumerable<string> head, IEnumerable<IEnumerable<string>> rows)
    {
        ArgumentNullException.ThrowIfNull(head);
        ArgumentNullException.ThrowIfNull(rows);
        var text = new StringBuilder();
        foreach (IEnumerable<string> row in rows.Prepend(head)) text.AppendJoin(',', row.Select(Field)).Append("\r\n");
        return text.ToString();
    }

    // A text that a spreadsheet would take for a formula is kept one.
    private static string Field(string value)
    {
        string safe = value is ['=' or '+' or '@' or '\t', ..] || (value is ['-', ..] && !double.TryParse(value, out _)) ? "'" + value
            : value;
        return safe.AsSpan().IndexOfAny(",\"\r\n") < 0 ? safe : $"\"{safe.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
    }
}
