using System.Collections.Immutable;
using Microsoft.Data.Analysis;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Suites;
using QuantBench.Results.Folders;

namespace QuantBench.Analysis.Frames;

/// <summary>Makes frames of runs: the long form of <see cref="MeasurementFrame"/>, filtered, pivoted and sorted as a view says.</summary>
public static class FrameBuilder
{
    /// <summary>Applies a view to runs.</summary>
    /// <param name="view">The view.</param>
    /// <param name="runs">The runs.</param>
    /// <exception cref="RequestException">The view names a column or metric that doesn't exist, or a pivot would lose figures.</exception>
    public static Frame Build(FrameView view, params ReadOnlySpan<RunRecord> runs)
    {
        ArgumentNullException.ThrowIfNull(view);
        DataFrame data = MeasurementFrame.Of(runs);
        string[] known = [.. data.Columns.Select(c => c.Name)];
        foreach (string column in (string[])[.. view.Where.Keys, .. view.Rows, .. view.Rows.IsEmpty ? [] : view.Columns, view.Value])
            Check(column, known);
        foreach (string metric in view.Metrics)
        {
            if (MetricTable.Find(metric) is null)
                throw new RequestException($"there is no metric '{metric}'.",
                    DidYouMean.Hint(metric, MetricTable.All.Select(m => m.Name), "metrics"));
        }

        data = Filter(data, view);
        ImmutableDictionary<string, string> units = ImmutableDictionary<string, string>.Empty;
        if (!view.Rows.IsEmpty) (data, units) = Pivot(data, view);
        if (view.Sort is { Length: > 0 } sort)
        {
            string column = sort.TrimStart('-');
            Check(column, [.. data.Columns.Select(c => c.Name)]);
            data = sort[0] == '-' ? data.OrderByDescending(column) : data.OrderBy(column);
        }

        return new Frame(view.Rows.IsEmpty ? "measurements" : "pivot", data, units, "", []);
    }

    private static void Check(string column, string[] known)
    {
        if (!known.Contains(column))
            throw new RequestException($"there is no column '{column}'.", DidYouMean.Hint(column, known, "columns"));
    }

    private static DataFrame Filter(DataFrame data, FrameView view)
    {
        bool[] keep = new bool[data.Rows.Count];
        (DataFrameColumn Column, string Pattern)[] patterns = [.. view.Where.Select(w => (data[w.Key], w.Value))];
        DataFrameColumn metrics = data["metric"];
        for (int i = 0; i < keep.Length; i++)
        {
            int row = i;
            keep[i] = (view.Metrics.IsEmpty || view.Metrics.Contains((string)metrics[row]))
                && Array.TrueForAll(patterns, p => Fits(p.Column, row, p.Pattern));
        }

        return data.Filter(new BooleanDataFrameColumn("keep", keep));
    }

    private static bool Fits(DataFrameColumn column, int row, string pattern)
    {
        string text = Convert.ToString(column[row], System.Globalization.CultureInfo.InvariantCulture) ?? "";
        return column.Name == "variant" ? CellRule.MatchesVariant(pattern, text) : CellRule.MatchesText(pattern, text);
    }

    private static (DataFrame Data, ImmutableDictionary<string, string> Units) Pivot(DataFrame data, FrameView view)
    {
        var rows = new Dictionary<string, int>(StringComparer.Ordinal);
        var columns = new Dictionary<string, int>(StringComparer.Ordinal);
        var firsts = new List<long>();
        var units = ImmutableDictionary.CreateBuilder<string, string>();
        var cells = new Dictionary<(int Row, int Column), double?>();
        for (long i = 0; i < data.Rows.Count; i++)
        {
            if (data["metric"][i] is not string { Length: > 0 }) continue; // a cell that measured nothing has nothing to pivot
            string rowKey = Key(data, view.Rows, i);
            string columnKey = Key(data, view.Columns, i);
            if (!rows.TryGetValue(rowKey, out int row))
            {
                rows[rowKey] = row = rows.Count;
                firsts.Add(i);
            }

            if (!columns.TryGetValue(columnKey, out int column))
            {
                columns[columnKey] = column = columns.Count;
                if (view.Columns.Contains("metric") && data["unit"][i] is string unit && unit != "1") units[columnKey] = unit;
            }

            if (!cells.TryAdd((row, column),
                data[view.Value][i] is { } value ? Convert.ToDouble(value, System.Globalization.CultureInfo.InvariantCulture) : null))
            {
                throw new RequestException(
                    $"two figures share the row '{rowKey}' and the column '{columnKey}'.",
                    "A pivot keeps one figure per field: add what tells them apart (run, workload, settings, backend) to --rows or "
                        + "--columns, or filter with --where.");
            }
        }

        var made = new List<DataFrameColumn>();
        foreach (string name in view.Rows)
            made.Add(
                new StringDataFrameColumn(name,
                    firsts.Select(i => Convert.ToString(data[name][i], System.Globalization.CultureInfo.InvariantCulture))));
        foreach ((string name, int column) in columns)
        {
            string unique = made.Any(c => c.Name == name) ? $"{name} " : name; // a metric can't be named like a key column, a variant might
            made.Add(new DoubleDataFrameColumn(unique, Enumerable.Range(0, rows.Count).Select(r => cells.GetValueOrDefault((r, column)))));
        }

        return (new DataFrame(made), units.ToImmutable());
    }

    private static string Key(DataFrame data, ImmutableArray<string> columns, long row) =>
        string.Join(' ', columns.Select(c => Convert.ToString(data[c][row], System.Globalization.CultureInfo.InvariantCulture)));
}
