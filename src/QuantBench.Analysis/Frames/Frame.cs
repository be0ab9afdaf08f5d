using System.Collections.Immutable;
using Microsoft.Data.Analysis;

namespace QuantBench.Analysis.Frames;

/// <summary>A data frame that knows what its columns are measured in.</summary>
/// <param name="Name">What it holds, e.g. <c>comparison</c>.</param>
/// <param name="Data">The columns. Missing figures are null.</param>
/// <param name="Units">Unit of each number column that has one, by name; units that differ by row stand in a column <c>unit</c>.</param>
/// <param name="Lead">The finding in a sentence; empty when it is plain data.</param>
/// <param name="Notes">What a reader must know.</param>
public sealed record Frame(string Name, DataFrame Data, ImmutableDictionary<string, string> Units, string Lead = "",
    ImmutableArray<string> Notes = default)
{
    private const int ManyRows = 10_000;

    /// <summary>A frame of rows made column by column.</summary>
    /// <typeparam name="T">What a row comes from.</typeparam>
    /// <param name="name">What it holds.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="lead">The finding in a sentence.</param>
    /// <param name="columns">The columns.</param>
    internal static Frame Of<T>(string name, IReadOnlyCollection<T> rows, string lead, params ReadOnlySpan<FrameColumn<T>> columns)
    {
        var units = ImmutableDictionary.CreateBuilder<string, string>();
        foreach (FrameColumn<T> column in columns)
        {
            if (column.Unit is { } unit) units[column.Name] = unit;
        }

        FrameColumn<T>[] make = [.. columns];
        var data = new DataFrameColumn[make.Length];
        if (rows.Count < ManyRows)
        {
            for (int i = 0; i < make.Length; i++) data[i] = make[i].Make(rows);
        }
        else
        {
            Parallel.For(0, make.Length, i => data[i] = make[i].Make(rows));
        }

        return new Frame(name, new DataFrame(data), units.ToImmutable(), lead, []);
    }
}

/// <summary>How a column comes from rows.</summary>
/// <typeparam name="T">What a row comes from.</typeparam>
/// <param name="Name">Name of the column, snake_case.</param>
/// <param name="Unit">Unit of its numbers; null for texts and plain numbers.</param>
/// <param name="Make">Makes it.</param>
internal sealed record FrameColumn<T>(string Name, string? Unit, Func<IReadOnlyCollection<T>, DataFrameColumn> Make)
{
    public static FrameColumn<T> Text(string name, Func<T, string?> value) =>
        new(name, null, rows => new StringDataFrameColumn(name, rows.Select(value)));

    public static FrameColumn<T> Number(string name, Func<T, double?> value, string? unit = null) =>
        new(name, unit,
            rows => new DoubleDataFrameColumn(name, rows.Select(r => value(r) is { } v && double.IsFinite(v) ? (double?)v : null)));

    public static FrameColumn<T> Flag(string name, Func<T, bool?> value) =>
        new(name, null, rows => new BooleanDataFrameColumn(name, rows.Select(value)));
}
