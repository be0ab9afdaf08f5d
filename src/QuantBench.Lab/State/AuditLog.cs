using System.Collections.Immutable;
using System.Data.Common;

namespace QuantBench.Lab.State;

/// <summary>One change that was made.</summary>
/// <param name="Id">Its number; later ones are larger.</param>
/// <param name="At">When, UTC.</param>
/// <param name="Actor">Who: an account, an API key, or <c>command line (user)</c>.</param>
/// <param name="Action">What was done, e.g. <c>schedule.add</c>.</param>
/// <param name="Object">What it was done to.</param>
/// <param name="Before">The value before; null when there was none.</param>
/// <param name="After">The value after; null when there is none.</param>
/// <param name="Detail">What else is known: address of the caller.</param>
public sealed record AuditEntry(long Id, DateTimeOffset At, string Actor, string Action, string Object, string? Before, string? After,
    string? Detail);

/// <summary>The append-only record of changes; the database itself refuses to change or delete a line.</summary>
/// <param name="database">The database.</param>
/// <param name="clock">The one clock.</param>
public sealed class AuditLog(LabDatabase database, TimeProvider clock)
{
    /// <summary>Adds a line.</summary>
    /// <param name="actor">Who.</param>
    /// <param name="action">What was done.</param>
    /// <param name="target">What it was done to.</param>
    /// <param name="before">The value before.</param>
    /// <param name="after">The value after.</param>
    /// <param name="detail">What else is known.</param>
    public void Write(string actor, string action, string target, string? before = null, string? after = null, string? detail = null) =>
        database.Execute(
            "INSERT INTO audit (at_ms, actor, action, object, before, after, detail) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            clock.GetUtcNow(), actor, action, target, before, after, detail);

    /// <summary>Lines, newest first.</summary>
    /// <param name="contains">Text that actor, action or object holds; null = all.</param>
    /// <param name="most">Largest number of them.</param>
    /// <param name="before">Only lines with a smaller number; null = from the newest.</param>
    public ImmutableArray<AuditEntry> Read(string? contains = null, int most = 100, long? before = null) =>
    [
        .. database.Query(
            Entry,
            """
            SELECT id, at_ms, actor, action, object, before, after, detail FROM audit
            WHERE (CAST($1 AS TEXT) IS NULL OR lower(actor || ' ' || action || ' ' || object) LIKE lower(CAST($1 AS TEXT)) ESCAPE '\')
              AND (CAST($3 AS BIGINT) IS NULL OR id < CAST($3 AS BIGINT))
            ORDER BY id DESC LIMIT $2
            """,
            string.IsNullOrWhiteSpace(contains) ? null : $"%{Literally(contains.Trim())}%", (long)most, before),
    ];

    // To LIKE these stand for other characters.
    private static string Literally(string text) => text.Replace(@"\", @"\\", StringComparison.Ordinal)
        .Replace("%", @"\%", StringComparison.Ordinal).Replace("_", @"\_", StringComparison.Ordinal);

    private static AuditEntry Entry(DbDataReader row) => new(
        row.GetInt64(0), row.Time(1), row.GetString(2), row.GetString(3), row.GetString(4), row.Text(5), row.Text(6), row.Text(7));
}
