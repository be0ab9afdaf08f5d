using System.Collections.Immutable;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Tables;

namespace QuantBench.Dashboard.Queries;

/// <summary>The results of a run as its page lists them: filtered, sorted, cut into pages.</summary>
/// <param name="Table">All results.</param>
/// <param name="Rows">The rows of this page.</param>
/// <param name="Matching">How many rows the filter keeps.</param>
/// <param name="Sort">Column they are sorted by; empty = as measured.</param>
/// <param name="Descending">Whether the largest is first.</param>
/// <param name="Filter">Text that model, variant, class or backend must have.</param>
/// <param name="Page">Page, from 1.</param>
public sealed record ResultsView(RunTable Table, ImmutableArray<RunRow> Rows, int Matching, string Sort, bool Descending, string Filter,
    int Page)
{
    /// <summary>Rows of a page.</summary>
    public const int PerPage = 40;

    /// <summary>Number of pages.</summary>
    public int Pages => Math.Max(1, (Matching + PerPage - 1) / PerPage);

    /// <summary>Makes it.</summary>
    /// <param name="table">All results.</param>
    /// <param name="sort">A column's id, or <c>variant</c>, <c>class</c>, <c>backend</c>, <c>model</c>; anything else keeps the
    /// order.</param>
    /// <param name="descending">Whether the largest comes first; rows without a figure are last either way.</param>
    /// <param name="filter">Text to look for; several words must all be there.</param>
    /// <param name="page">Page, from 1.</param>
    public static ResultsView Of(RunTable table, string? sort, bool descending, string? filter, int page)
    {
        ArgumentNullException.ThrowIfNull(table);
        string[] words = (filter ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        IEnumerable<RunRow> rows = table.Rows.Where(r =>
            words.All(w => Text(r).Contains(w, StringComparison.OrdinalIgnoreCase)));
        Func<RunRow, string>? by = sort switch
        {
            "variant" => r => r.Variant.Id,
            "class" => r => ((int)r.Class).ToString("00", System.Globalization.CultureInfo.InvariantCulture),
            "backend" => r => r.Backend.ToString(),
            "model" => r => r.Model,
            _ => null,
        };
        bool known = by is not null || table.Columns.Any(c => c.Id == sort);
        if (by is not null)
            rows = descending ? rows.OrderByDescending(by, StringComparer.Ordinal) : rows.OrderBy(by, StringComparer.Ordinal);
        else if (known)
            rows = rows.OrderBy(r => r[sort!] is null ? 1 : 0).ThenBy(r => (descending ? -1 : 1) * (r[sort!] ?? 0)); // a column's id
        RunRow[] all = [.. rows];
        int pages = Math.Max(1, (all.Length + PerPage - 1) / PerPage);
        page = Math.Clamp(page, 1, pages);
        return new ResultsView(table, [.. all.Skip((page - 1) * PerPage).Take(PerPage)], all.Length, known ? sort! : "", descending,
            filter ?? "", page);
    }

    private static string Text(RunRow row) => $"{row.Model} {row.Variant.Id} {row.Backend} {Format.Class(row.Class)}";
}
