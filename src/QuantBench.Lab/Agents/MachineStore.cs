using System.Collections.Immutable;
using System.Data.Common;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Errors;
using QuantBench.Core.Machine;
using QuantBench.Lab.State;

namespace QuantBench.Lab.Agents;

/// <summary>The machines of the lab.</summary>
/// <param name="database">The lab's state.</param>
/// <param name="audit">Receives changes by people.</param>
/// <param name="clock">The one clock.</param>
public sealed class MachineStore(LabDatabase database, AuditLog audit, TimeProvider clock)
{
    private const string Columns = "name, instance, version, labels, health, first_ms, seen_ms, drained, note, unfit, unfit_ms";
    private const int MostLabels = 100;
    private const int MostHealth = 40;
    private const int LongestReason = 200;

    /// <summary>All machines by name.</summary>
    public ImmutableArray<Machine> List() => [.. database.Query(Read, $"SELECT {Columns} FROM machines ORDER BY name")];

    /// <summary>The machine of a name, or null.</summary>
    public Machine? Find(string name) => database.Query(Read, $"SELECT {Columns} FROM machines WHERE name = $1", name).FirstOrDefault();

    /// <summary>Takes in what an agent says of itself.</summary>
    /// <param name="name">The machine: the name of its key.</param>
    /// <param name="keyId">Id of the key.</param>
    /// <param name="hello">What it says.</param>
    /// <param name="serverVersion">Version of this program.</param>
    /// <exception cref="RequestException">It speaks another version of the messages, or a label is none.</exception>
    public void Welcome(string name, string keyId, AgentHello hello, string serverVersion)
    {
        ArgumentNullException.ThrowIfNull(hello);
        if (hello.Protocol != AgentHello.Current)
        {
            // Seen where people look for the machine, too, until it has said that it is fit.
            SetUnfit(name, $"its QuantBench {hello.Version} speaks version {hello.Protocol} of the messages, the server "
                + $"version {AgentHello.Current}");
            throw new RequestException(
                $"this agent's QuantBench ({hello.Version}) speaks version {hello.Protocol} of the agents' messages, the server's "
                    + $"({serverVersion}) version {AgentHello.Current}.", "Install the same version on both.");
        }

        if (hello.Labels.IsDefault || hello.Labels.Length > MostLabels)
            throw new RequestException($"a machine has at most {MostLabels} labels.");
        if (hello.Labels.Select(MachineLabels.Problem).FirstOrDefault(p => p is not null) is { } problem)
            throw new RequestException($"{problem}.", "e.g. --label site=berlin");
        if (!IsWord(hello.Instance) || !IsWord(hello.Version)) throw new RequestException("the agent doesn't say what it is.");
        database.Execute(
            """
            INSERT INTO machines (name, key_id, instance, version, labels, first_ms, seen_ms) VALUES ($1, $2, $3, $4, $5, $6, $6)
            ON CONFLICT (name) DO UPDATE SET key_id = excluded.key_id, instance = excluded.instance, version = excluded.version,
                labels = excluded.labels, seen_ms = excluded.seen_ms
            """,
            name, keyId, hello.Instance, hello.Version, JsonSerializer.Serialize(hello.Labels, Json.Line), clock.GetUtcNow());
    }

    /// <summary>Notes that a machine lives.</summary>
    /// <param name="name">The machine.</param>
    /// <param name="health">What it says of its state; null = nothing new.</param>
    public void Seen(string name, IReadOnlyDictionary<string, double>? health)
    {
        string? said = health is null ? null : JsonSerializer.Serialize(
            health.Where(h => IsWord(h.Key) && double.IsFinite(h.Value)).Take(MostHealth)
                .ToImmutableSortedDictionary(StringComparer.Ordinal),
            Json.Line);
        database.Execute("UPDATE machines SET seen_ms = $2, health = coalesce(CAST($3 AS TEXT), health) WHERE name = $1", name,
            clock.GetUtcNow(), said);
    }

    /// <summary>Notes what a machine says of its own state: whether what it measured now would mean anything.</summary>
    /// <param name="name">The machine.</param>
    /// <param name="why">What is wrong; null = it is fit for jobs.</param>
    public void SetUnfit(string name, string? why)
    {
        string? said = why is null ? null : string.Concat(why.Where(c => !char.IsControl(c)).Take(LongestReason));
        // The time is that of its beginning, however often it is said.
        database.Execute(
            "UPDATE machines SET unfit_ms = CASE WHEN CAST($2 AS TEXT) IS NULL THEN NULL ELSE coalesce(unfit_ms, $3) END, "
                + "unfit = CAST($2 AS TEXT) WHERE name = $1", name, said, clock.GetUtcNow());
    }

    /// <summary>Takes a machine out of the lab's work, or back in; what it runs goes on.</summary>
    /// <param name="name">The machine.</param>
    /// <param name="drained">Whether it gets no new jobs.</param>
    /// <param name="note">Why.</param>
    /// <param name="actor">Who.</param>
    /// <exception cref="RequestException">There is none.</exception>
    public void SetDrained(string name, bool drained, string note, string actor)
    {
        Machine before = Find(name) ?? throw new RequestException($"there is no machine '{name}'.", "See 'quantbench lab status'.");
        database.Execute("UPDATE machines SET drained = $2, note = $3 WHERE name = $1", name, drained,
            note.Length > LongestReason ? note[..LongestReason] : note);
        audit.Write(actor, drained ? "machine.drain" : "machine.undrain", name, before.Drained ? "drained" : "working", note);
    }

    private static bool IsWord(string? text) => text is { Length: > 0 and <= 128 } && !text.Any(char.IsControl);

    private static Machine Read(DbDataReader row) => new()
    {
        Name = row.GetString(0),
        Instance = row.GetString(1),
        Version = row.GetString(2),
        Labels = JsonSerializer.Deserialize<ImmutableArray<string>>(row.GetString(3), Json.Line),
        Health = JsonSerializer.Deserialize<ImmutableSortedDictionary<string, double>>(row.GetString(4), Json.Line)
            ?? ImmutableSortedDictionary<string, double>.Empty,
        First = row.Time(5),
        Seen = row.Time(6),
        Drained = row.GetInt64(7) != 0,
        Note = row.GetString(8),
        Unfit = row.TimeOrNull(10) is { } since ? new MachineUnfit(row.Text(9) ?? "", since) : null,
    };
}
