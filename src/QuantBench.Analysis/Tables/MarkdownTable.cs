using System.Text;
using QuantBench.Analysis.Formatting;

namespace QuantBench.Analysis.Tables;

/// <summary>Writes a <see cref="RunTable"/> as a GitHub-flavoured Markdown table.</summary>
public static class MarkdownTable
{
    /// <summary>The table; ends with a newline.</summary>
    public static string Write(RunTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        var text = new StringBuilder();
        List<string> head = [];
        if (table.ShowModel) head.Add("Model");
        head.Add("Variant");
        head.Add("Class");
        if (table.ShowBackend) head.Add("Backend");
        int left = head.Count;
        head.AddRange(table.Columns.Select(c => c.Unit.Length == 0 ? c.Title : $"{c.Title} ({c.Unit})"));
        Line(text, head.Select(Escape));
        Line(text, head.Select((_, i) => i < left ? "---" : "---:"));
        foreach (RunRow row in table.Rows)
        {
            List<string> cells = [];
            if (table.ShowModel) cells.Add(Escape(row.Model));
            cells.Add($"`{row.Variant.Id}`");
            cells.Add(Format.Class(row.Variant.Scheme.PrecisionClass));
            if (table.ShowBackend) cells.Add(Escape(row.Backend.ToString()));
            cells.AddRange(table.Columns.Select(c => Escape(row.Figures[c.Id].Text)));
            Line(text, cells);
        }

        return text.ToString();
    }

    /// <summary>A text as it can stand in a Markdown table's cell: nothing in it is read as Markdown or HTML.</summary>
    public static string Escape(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var escaped = new StringBuilder(text.Length);
        foreach (char c in text)
        {
            if (c is '\n' or '\r') escaped.Append(' ');
            else if (c == '<') escaped.Append("&lt;");
            else if (c == '&') escaped.Append("&amp;");
            else if (c is '|' or '\\' or '`' or '*' or '_' or '[' or ']') escaped.Append('\\').Append(c);
            else escaped.Append(c);
        }

        return escaped.ToString();
    }

    private static void Line(StringBuilder text, IEnumerable<string> cells) => text.Append("| ").AppendJoin(" | ", cells).Append(" |\n");
}
