using QuantBench.Lab.State;

namespace QuantBench.Lab.Accounts;

/// <summary>Logins that somebody ended: a copy of their cookie opens nothing any more.</summary>
/// <param name="database">The database.</param>
/// <param name="clock">The one clock.</param>
public sealed class EndedLogins(LabDatabase database, TimeProvider clock)
{
    /// <summary>Ends a login.</summary>
    /// <param name="id">The login's own id.</param>
    /// <param name="life">How long its cookie could have been used; it needn't be remembered for longer.</param>
    public void End(string id, TimeSpan life)
    {
        DateTimeOffset now = clock.GetUtcNow();
        database.Execute("DELETE FROM ended_logins WHERE until_ms < $1", now);
        database.Execute("INSERT INTO ended_logins (id, until_ms) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING", id, now + life);
    }

    /// <summary>Whether a login was ended.</summary>
    /// <param name="id">The login's own id.</param>
    public bool Contains(string id) => database.Query(r => r.GetInt64(0), "SELECT count(*) FROM ended_logins WHERE id = $1", id)[0] > 0;
}
