using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Data.Analysis;
using Parquet;
using Parquet.Schema;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Tables;
using QuantBench.Core;

namespace QuantBench.Analysis.Frames;

/// <summary>Writes frames: CSV (RFC 4180), JSON, Markdown, Parquet. Numbers round-trip exactly, except in Markdown, which is for
/// people.</summary>
public static class FrameWriter
{
    private const int RowsAtOnce = 4096;

    /// <summary>Formats by name, as <c>--format</c> takes them.</summary>
    public static ImmutableArray<string> Formats { get; } = ["md", "json", "csv", "parquet"];

    /// <summary>Writes a frame; the stream stays open.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="format">One of <see cref="Formats"/>.</param>
    /// <param name="output">Where to.</param>
    /// <param name="cancellationToken">Stops writing.</param>
    /// <exception cref="ArgumentException">There is no such format.</exception>
    public static async Task WriteAsync(Frame frame, string format, Stream output, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(frame);
        ArgumentNullException.ThrowIfNull(output);
        if (format == "parquet")
        {
            await ParquetAsync(frame, output, cancellationToken);
            return;
        }

        await output.WriteAsync(Encoding.UTF8.GetBytes(Text(frame, format)), cancellationToken);
    }

    /// <summary>A frame as text.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="format"><c>md</c>, <c>json</c> or <c>csv</c>.</param>
    /// <exception cref="ArgumentException">It isn't one of these.</exception>
    public static string Text(Frame frame, string format)
    {
        ArgumentNullException.ThrowIfNull(frame);
        return format switch
        {
            "md" => Markdown(frame),
            "json" => JsonText(frame),
            "csv" => Csv(frame),
            _ => throw new ArgumentException($"there is no text format '{format}'", nameof(format)),
        };
    }

    /// <summary>Writes a frame as CSV, piece by piece: a large one is never held as one text.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="output">Where to.</param>
    /// <param name="cancellationToken">Stops writing.</param>
    public static async Task WriteCsvAsync(Frame frame, TextWriter output, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(frame);
        ArgumentNullException.ThrowIfNull(output);
        DataFrameColumn[] columns = [.. frame.Data.Columns];
        long rows = frame.Data.Rows.Count;
        await output.WriteAsync($"{string.Join(',', columns.Select(c => Field(c.Name)))}\r\n".AsMemory(), cancellationToken);
        if (rows <= RowsAtOnce)
        {
            await output.WriteAsync(Piece(columns, 0, rows).AsMemory(), cancellationToken);
            return;
        }

        int pieces = (int)((rows + RowsAtOnce - 1) / RowsAtOnce);
        foreach (string piece in ParallelEnumerable.Range(0, pieces).AsOrdered().WithCancellation(cancellationToken)
            .Select(k => Piece(columns, (long)k * RowsAtOnce, Math.Min(rows, (k + 1L) * RowsAtOnce))))
        {
            await output.WriteAsync(piece.AsMemory(), cancellationToken);
        }
    }

    private static string Piece(DataFrameColumn[] columns, long from, long to)
    {
        var text = new StringBuilder();
        for (long i = from; i < to; i++)
        {
            for (int k = 0; k < columns.Length; k++)
            {
                if (k > 0) text.Append(',');
                AppendField(text, columns[k], i);
            }

            text.Append("\r\n");
        }

        return text.ToString();
    }

    private static string Csv(Frame frame)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        Task written = WriteCsvAsync(frame, text, CancellationToken.None);
        Debug.Assert(written.IsCompletedSuccessfully, "writing into memory never waits");
        return text.ToString();
    }

    private static void AppendField(StringBuilder text, DataFrameColumn column, long row)
    {
        switch (column)
        {
            // Without a box per number: a comparison of 100,000 cells has a million.
            case DoubleDataFrameColumn numbers when numbers[row] is { } number:
                text.Append(CultureInfo.InvariantCulture, $"{number:R}");
                break;
            case DoubleDataFrameColumn: break;
            case StringDataFrameColumn texts: text.Append(Field(texts[row] ?? "")); break;
            default: text.Append(Field(Plain(column[row]))); break;
        }
    }

    private static string Field(string text)
    {
        if (text.Length == 0) return "";
        // A spreadsheet runs a field that begins like a formula; a tab in front keeps it text.
        if (text[0] is '=' or '@'
            || (text[0] is '+' or '-' && !double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _)))
            text = "\t" + text;
        return text.AsSpan().IndexOfAny(",\"\r\n\t") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
    }

    private static string Plain(object? value) => value switch
    {
        null => "",
        double number => number.ToString("R", CultureInfo.InvariantCulture),
        bool flag => flag ? "true" : "false",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };

    private static string JsonText(Frame frame)
    {
        var root = new JsonObject { ["name"] = frame.Name };
        if (frame.Lead.Length > 0) root["lead"] = frame.Lead;
        if (!frame.Notes.IsDefaultOrEmpty) root["notes"] = new JsonArray([.. frame.Notes.Select(n => (JsonNode)n)]);
        if (frame.Units.Count > 0)
            root["units"] = new JsonObject(
                frame.Units.OrderBy(u => u.Key, StringComparer.Ordinal).Select(u => new KeyValuePair<string, JsonNode?>(u.Key, u.Value)));
        var rows = new JsonArray();
        for (long i = 0; i < frame.Data.Rows.Count; i++)
        {
            long row = i;
            rows.Add(new JsonObject(frame.Data.Columns.Select(c => new KeyValuePair<string, JsonNode?>(c.Name, Node(c[row])))));
        }

        root["rows"] = rows;
        return root.ToJsonString(Json.Pretty) + "\n";
    }

    private static JsonNode? Node(object? value) => value switch
    {
        null => null,
        double number => double.IsFinite(number) ? (JsonNode)number : null, // JSON has no NaN
        bool flag => flag,
        long whole => whole,
        _ => (JsonNode)Plain(value),
    };

    private static string Markdown(Frame frame)
    {
        DataFrameColumn[] columns = [.. frame.Data.Columns];
        var text = new StringBuilder();
        if (frame.Lead.Length > 0) text.Append(MarkdownTable.Escape(frame.Lead)).Append("\n\n");
        text.Append("| ")
            .AppendJoin(" | ",
                columns.Select(c =>
                    MarkdownTable.Escape(frame.Units.TryGetValue(c.Name, out string? unit) ? $"{c.Name} ({unit})" : c.Name)))
                    .Append(" |\n");
        text.Append("| ").AppendJoin(" | ", columns.Select(c => c is DoubleDataFrameColumn ? "---:" : "---")).Append(" |\n");
        for (long i = 0; i < frame.Data.Rows.Count; i++)
        {
            long row = i;
            text.Append("| ")
                .AppendJoin(" | ",
                    columns.Select(c => c[row] is double number ? Format.Number(number, 5) : MarkdownTable.Escape(Plain(c[row]))))
                    .Append(" |\n");
        }

        foreach (string note in frame.Notes.IsDefaultOrEmpty ? [] : frame.Notes)
            text.Append('\n').Append(MarkdownTable.Escape(note)).Append('\n');
        return text.ToString();
    }

    private static async Task ParquetAsync(Frame frame, Stream output, CancellationToken cancellationToken)
    {
        DataFrameColumn[] columns = [.. frame.Data.Columns];
        DataField[] fields = [.. columns.Select(c => c switch
        {
            DoubleDataFrameColumn => new DataField<double?>(c.Name),
            BooleanDataFrameColumn => (DataField)new DataField<bool?>(c.Name),
            _ => new DataField<string>(c.Name, nullable: true),
        })];

        // The footer needs the writer's position, which a pipe doesn't have.
        using var buffer = new MemoryStream();
        await using (ParquetWriter writer =
            await ParquetWriter.CreateAsync(new ParquetSchema(fields), buffer, cancellationToken: cancellationToken))
        {
            writer.CustomMetadata = frame.Units.ToDictionary(u => $"unit.{u.Key}", u => u.Value);
            using ParquetRowGroupWriter group = writer.CreateRowGroup();
            for (int i = 0; i < columns.Length; i++)
            {
                switch (columns[i])
                {
                    case DoubleDataFrameColumn numbers:
                        await group.WriteAsync<double>(fields[i], numbers.ToArray(),
                        cancellationToken: cancellationToken); break;
                    case BooleanDataFrameColumn flags:
                        await group.WriteAsync<bool>(fields[i], flags.ToArray(),
                        cancellationToken: cancellationToken); break;
                    default:
                        // The writer's signature says string; the field is nullable, and null is what it takes for a missing text.
                        string[] texts = new string[columns[i].Length];
                        for (int row = 0; row < texts.Length; row++) texts[row] = (columns[i][row] as string)!;
                        await group.WriteAsync(fields[i], texts);
                        break;
                }
            }
        }

        buffer.Position = 0;
        await buffer.CopyToAsync(output, cancellationToken);
    }
}
