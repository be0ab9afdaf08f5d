using QuantBench.Lab.State;

namespace QuantBench.Lab.Settings;

/// <summary>What admins set once for everybody, beside what the command line says.</summary>
/// <param name="database">The database.</param>
/// <param name="audit">Receives every change.</param>
public sealed class LabSettings(LabDatabase database, AuditLog audit)
{
    /// <summary>Name of the secret that signs requests of repositories.</summary>
    public const string HookSecret = "hook_secret";

    /// <summary>A setting; null when it was never set.</summary>
    /// <param name="name">Its name.</param>
    public string? Get(string name) =>
        database.Query(r => r.GetString(0), "SELECT value FROM settings WHERE name = $1", name).FirstOrDefault();

    /// <summary>Changes a setting.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="value">Its value; null = as if it had never been set.</param>
    /// <param name="actor">Who.</param>
    public void Set(string name, string? value, string actor)
    {
        string? before = Get(name);
        if (before == value) return;
        if (value is null) database.Execute("DELETE FROM settings WHERE name = $1", name);
        else Keep(name, value);
        audit.Write(actor, "setting", name, before, value);
    }

    /// <summary>Sets a value that no log may hold.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="secret">The value.</param>
    public void Keep(string name, string secret) => database.Execute(
        "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, secret);
}
