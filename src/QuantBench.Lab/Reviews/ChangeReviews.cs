using System.Collections.Immutable;
using System.Data.Common;
using QuantBench.Lab.State;

namespace QuantBench.Lab.Reviews;

/// <summary>Which change of level in a trend is meant. It is found anew from the figures each time; these four name it.</summary>
/// <param name="Metric">The metric.</param>
/// <param name="CellId">The cell.</param>
/// <param name="MachineId">The machine.</param>
/// <param name="RunId">The first run on the new level.</param>
public sealed record ChangeKey(string Metric, string CellId, string MachineId, string RunId);

/// <summary>That somebody has looked at a change.</summary>
/// <param name="Key">The change.</param>
/// <param name="Actor">Who.</param>
/// <param name="At">When.</param>
/// <param name="Note">What they found; may be empty.</param>
public sealed record ChangeReview(ChangeKey Key, string Actor, DateTimeOffset At, string Note);

/// <summary>Changes that somebody has acknowledged. The figures stay as they are; only the open list gets shorter.</summary>
/// <param name="database">The database.</param>
/// <param name="audit">Receives every change.</param>
/// <param name="clock">The one clock.</param>
public sealed class ChangeReviews(LabDatabase database, AuditLog audit, TimeProvider clock)
{
    /// <summary>Longest note.</summary>
    public const int LongestNote = 500;

    private const int LongestPart = 200;

    /// <summary>All reviews by what they are of.</summary>
    public ImmutableDictionary<ChangeKey, ChangeReview> All() =>
        database.Query(Review, "SELECT metric, cell_id, machine_id, run_id, actor, at_ms, note FROM change_reviews")
            .ToImmutableDictionary(r => r.Key);

    /// <summary>Acknowledges a change, or replaces who did and why.</summary>
    /// <param name="key">The change.</param>
    /// <param name="note">What was found; cut at <see cref="LongestNote"/>.</param>
    /// <param name="actor">Who.</param>
    /// <exception cref="ArgumentException">A part of the key is empty or too long.</exception>
    public void Acknowledge(ChangeKey key, string note, string actor)
    {
        Check(key);
        ArgumentNullException.ThrowIfNull(note);
        string text = note.Trim() is { Length: > LongestNote } longer ? longer[..LongestNote] : note.Trim();
        database.Execute(
            """
            INSERT INTO change_reviews (metric, cell_id, machine_id, run_id, actor, at_ms, note) VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (metric, cell_id, machine_id, run_id) DO UPDATE SET actor = excluded.actor, at_ms = excluded.at_ms,
                note = excluded.note
            """,
            key.Metric, key.CellId, key.MachineId, key.RunId, actor, clock.GetUtcNow(), text);
        audit.Write(actor, "change.acknowledge", Name(key), null, text);
    }

    /// <summary>Takes an acknowledgement back.</summary>
    /// <param name="key">The change.</param>
    /// <param name="actor">Who.</param>
    /// <returns>Whether there was one.</returns>
    public bool Reopen(ChangeKey key, string actor)
    {
        Check(key);
        bool there =
            database.Execute("DELETE FROM change_reviews WHERE metric = $1 AND cell_id = $2 AND machine_id = $3 AND run_id = $4",
                key.Metric, key.CellId, key.MachineId, key.RunId) > 0;
        if (there) audit.Write(actor, "change.reopen", Name(key), "acknowledged", null);
        return there;
    }

    private static void Check(ChangeKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        foreach (string part in (string[])[key.Metric, key.CellId, key.MachineId, key.RunId])
        {
            if (part.Length is 0 or > LongestPart)
                throw new ArgumentException("a change is named by its metric, cell, machine and first run.", nameof(key));
        }
    }

    private static string Name(ChangeKey key) => $"{key.Metric} {key.CellId} {key.MachineId} {key.RunId}";

    private static ChangeReview Review(DbDataReader row) => new(
        new ChangeKey(row.GetString(0), row.GetString(1), row.GetString(2), row.GetString(3)), row.GetString(4),
        row.Time(5), row.GetString(6));
}
