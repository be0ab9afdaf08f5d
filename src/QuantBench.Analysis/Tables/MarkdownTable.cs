using System.Text;
using QuantBench.Analysis.Formatting;

namespace QuantBench.Analysis.Tables;

/// <summary>Writes a <see cref="RunTable"/> as a GitHub-flavoured Markdown table.</summary>
public static class MarkdownTable
{
    /// <summary>The table, of several models one after the other under their names, with the legend of its marks; ends with a
    /// newline.</summary>
    public static string Write(RunTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        var text = new StringBuilder();
        if (!table.ShowModel)
        {
            Rows(text, table);
        }
        else
        {
            foreach (RunTable model in table.ByModel())
            {
                if (text.Length > 0) text.Append('\n');
                text.Append("### ").Append(MarkdownText.Escape(model.Rows[0].Model)).Append("\n\n");
                Rows(text, model);
            }
        }

        foreach (string line in table.Legend) text.Append('\n').Append(MarkdownText.Escape(line)).Append('\n');
        return text.ToString();
    }

    private static void Rows(StringBuilder text, RunTable table)
    {
        List<string> head = ["Variant", "Class"];
        if (table.ShowBackend) head.Add("Backend");
        int left = head.Count;
        head.AddRange(table.Columns.Select(c => c.Unit.Length == 0 ? c.Title : $"{c.Title} ({c.Unit})"));
        Line(text, head.Select(MarkdownText.Escape));
        Line(text, head.Select((_, i) => i < left ? "---" : "---:"));
        foreach (RunRow row in table.Rows)
        {
            List<string> cells = [$"`{row.Variant.Id}`", Format.Class(row.Class)];
            if (table.ShowBackend) cells.Add(MarkdownText.Escape(row.Backend.ToString()));
            cells.AddRange(table.Columns.Select(c => MarkdownText.Escape(row.Figures[c.Id].Text)));
            Line(text, cells);
        }
    }

    private static void Line(StringBuilder text, IEnumerable<string> cells) => text.Append("| ").AppendJoin(" | ", cells).Append(" |\n");
}
