using System.Collections.Immutable;
using System.Data.Common;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Lab.Settings;
using QuantBench.Lab.State;

namespace QuantBench.Lab.Alerts;

/// <summary>Where alerts go, which there were, and which of them went out.</summary>
/// <param name="database">The lab's state.</param>
/// <param name="settings">Keeps where they go.</param>
/// <param name="audit">Receives changes of that.</param>
/// <param name="clock">The one clock.</param>
public sealed class AlertStore(LabDatabase database, LabSettings settings, AuditLog audit, TimeProvider clock)
{
    private const string Name = "alerts";
    private const int LongestText = 1000;

    /// <summary>How long an alert is tried to be sent; later it would be no news.</summary>
    public static readonly TimeSpan Fresh = TimeSpan.FromDays(1);

    private static readonly TimeSpan s_kept = TimeSpan.FromDays(90);

    /// <summary>Where alerts go; null = nowhere.</summary>
    public AlertSettings? Settings => settings.Get(Name) is { } json ? JsonSerializer.Deserialize<AlertSettings>(json, Json.Line) : null;

    /// <summary>Says where alerts go.</summary>
    /// <param name="to">Where; null = nowhere from now on.</param>
    /// <param name="actor">Who.</param>
    public void Set(AlertSettings? to, string actor)
    {
        AlertSettings? before = Settings;
        if (to is null) database.Execute("DELETE FROM settings WHERE name = $1", Name);
        else settings.Keep(Name, JsonSerializer.Serialize(to with { Since = before?.Since ?? clock.GetUtcNow() }, Json.Line));
        audit.Write(actor, "alerts", Name, before?.ToString(), to?.ToString());
    }

    /// <summary>Notes alerts; one whose key was there is the one that was there.</summary>
    /// <param name="alerts">The alerts.</param>
    /// <returns>Those that are new.</returns>
    public ImmutableArray<Alert> Add(IEnumerable<Alert> alerts)
    {
        ArgumentNullException.ThrowIfNull(alerts);
        ImmutableArray<Alert> all = [.. alerts];
        if (all.IsEmpty) return [];
        HashSet<string> known = database.Query(r => r.GetString(0), "SELECT key FROM alerts").ToHashSet(StringComparer.Ordinal);
        var added = ImmutableArray.CreateBuilder<Alert>();
        foreach (Alert alert in all.Where(a => !known.Contains(a.Key)))
        {
            string text = alert.Text.Length > LongestText ? alert.Text[..LongestText] : alert.Text;
            if (database.Execute("INSERT INTO alerts (key, kind, text, at_ms) VALUES ($1, $2, $3, $4) ON CONFLICT (key) DO NOTHING",
                alert.Key, alert.Kind, text, alert.At) > 0) added.Add(alert with { Text = text });
        }

        return added.ToImmutable();
    }

    /// <summary>The newest alerts.</summary>
    /// <param name="most">Largest number.</param>
    public ImmutableArray<Alert> Latest(int most = 20) =>
        [.. database.Query(Read, $"SELECT {Columns} FROM alerts ORDER BY at_ms DESC, key LIMIT $1", most)];

    /// <summary>Alerts that one way hasn't brought yet, oldest first.</summary>
    internal ImmutableArray<Alert> Waiting(AlertWay way) =>
        [.. database.Query(Read, $"SELECT {Columns} FROM alerts WHERE {Column(way)} IS NULL AND at_ms >= $1 ORDER BY at_ms, key LIMIT 100",
            clock.GetUtcNow() - Fresh)];

    /// <summary>Notes what became of alerts on one way.</summary>
    internal void Note(AlertWay way, IEnumerable<Alert> alerts, string? problem)
    {
        string of = way.ToString().ToLowerInvariant() + ": ";
        foreach (Alert alert in alerts)
        {
            if (problem is not null) database.Execute("UPDATE alerts SET problem = $2 WHERE key = $1", alert.Key, of + problem);
            else
            {
                // What is wrong with the other way is wrong still.
                database.Execute($"UPDATE alerts SET {Column(way)} = $2, "
                    + "problem = CASE WHEN problem LIKE $3 THEN NULL ELSE problem END WHERE key = $1",
                    alert.Key, clock.GetUtcNow(), of + "%");
            }
        }
    }

    /// <summary>Forgets alerts that are long over.</summary>
    internal void Forget() => database.Execute("DELETE FROM alerts WHERE at_ms < $1", clock.GetUtcNow() - s_kept);

    private const string Columns = "key, kind, text, at_ms, coalesce(hook_ms, mail_ms), problem";

    private static string Column(AlertWay way) => way == AlertWay.Webhook ? "hook_ms" : "mail_ms";

    private static Alert Read(DbDataReader row) =>
        new(row.GetString(0), row.GetString(1), row.GetString(2), row.Time(3)) { Sent = row.TimeOrNull(4), Problem = row.Text(5) };
}
