using System.Text;

namespace QuantBench.Analysis.Formatting;

/// <summary>Texts of others inside Markdown.</summary>
internal static class MarkdownText
{
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
}
