using System.Text;
using QuantBench.Analysis.Formatting;

namespace QuantBench.Analysis.Tables;

/// <summary>Writes a <see cref="RunTable"/> as a GitHub-flavoured Markdown table.</summary>
public static class MarkdownTable
{
    /// <summary>The table with the legend of its marks; ends with a newline.</summary>
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
        Line(text, head.Select(MarkdownText.Escape));
        Line(text, head.Select((_, i) => i < left ? "---" : "---:"));
        foreach (RunRow row in table.Rows)
        {
            List<string> cells = [];
            if (table.ShowModel) cells.Add(MarkdownText.Escape(row.Model));
            cells.Add($"`{row.Variant.Id}`");
            cells.Add(Format.Class(row.Class));
            if (table.ShowBackend) cells.Add(MarkdownText.Escape(row.Backend.ToString()));
            cells.AddRange(table.Columns.Select(c => MarkdownText.Escape(row.Figures[c.Id].Text)));
            Line(text, cells);
        }

        foreach (string line in table.Legend) text.Append('\n').Append(MarkdownText.Escape(line)).Append('\n');
        return text.ToString();
    }

    private static void Line(StringBuilder text, IEnumerable<string> cells) => text.Append("| ").AppendJoin(" | ", cells).Append(" |\n");
}
