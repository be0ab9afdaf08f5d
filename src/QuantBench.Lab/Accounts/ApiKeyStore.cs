using System.Buffers.Text;
using System.Collections.Immutable;
using System.Data.Common;
using System.Security.Cryptography;
using System.Text;
using QuantBench.Core.Errors;
using QuantBench.Lab.State;
using QuantBench.Results.Folders;

namespace QuantBench.Lab.Accounts;

/// <summary>What is known of an API key; the key itself isn't kept.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">What it is for.</param>
/// <param name="Owner">Who made it.</param>
/// <param name="Role">What it may do.</param>
/// <param name="Prefix">Its first characters, to tell it by.</param>
/// <param name="Created">When it was made.</param>
/// <param name="LastUsed">When it was last used, to the minute.</param>
/// <param name="Revoked">When it was revoked; null = it works.</param>
public sealed record ApiKeyInfo(
    string Id, string Name, string Owner, Role Role, string Prefix, DateTimeOffset Created, DateTimeOffset? LastUsed,
    DateTimeOffset? Revoked);

/// <summary>
/// API keys: 256 random bits, shown once. Only their SHA-256 is kept; a slow hash would add nothing, since a random key can't be guessed.
/// </summary>
/// <param name="database">The database.</param>
/// <param name="clock">The one clock.</param>
public sealed class ApiKeyStore(LabDatabase database, TimeProvider clock)
{
    private const string Start = "qb_";
    private const int PrefixLength = 9;
    private const string Columns = "id, name, owner, role, prefix, created_ms, last_used_ms, revoked_ms";

    /// <summary>All keys, newest first.</summary>
    public ImmutableArray<ApiKeyInfo> List() => [.. database.Query(Read, $"SELECT {Columns} FROM api_keys ORDER BY created_ms DESC")];

    /// <summary>Makes a key.</summary>
    /// <param name="name">What it is for.</param>
    /// <param name="owner">Who makes it.</param>
    /// <param name="role">What it may do.</param>
    /// <returns>The key, to be shown once, and what is kept of it.</returns>
    /// <exception cref="RequestException">It is an agent's and its name can't be a machine's, or another key has it.</exception>
    public (string Key, ApiKeyInfo Info) Create(string name, string owner, Role role)
    {
        if (role == Role.Agent) CheckMachine(name);
        string key = Start + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        var info = new ApiKeyInfo(Guid.NewGuid().ToString("N"), name, owner, role, key[..PrefixLength], clock.GetUtcNow(), null, null);
        database.Execute(
            "INSERT INTO api_keys (id, name, owner, role, prefix, hash, created_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            info.Id, name, owner, role, info.Prefix, Hash(key), info.Created);
        return (key, info);
    }

    /// <summary>The key's entry if it works, and marks its use; null otherwise.</summary>
    public ApiKeyInfo? Check(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (!key.StartsWith(Start, StringComparison.Ordinal)) return null;
        ApiKeyInfo? info = database.Query(Read, $"SELECT {Columns} FROM api_keys WHERE hash = $1 AND revoked_ms IS NULL", Hash(key))
            .FirstOrDefault();
        DateTimeOffset now = clock.GetUtcNow();
        // Once a minute is enough to see whether a key is in use; each call would be a write.
        if (info is not null && (info.LastUsed is not { } last || now - last > TimeSpan.FromMinutes(1)))
            database.Execute("UPDATE api_keys SET last_used_ms = $2 WHERE id = $1", info.Id, now);
        return info;
    }

    /// <summary>Revokes a key.</summary>
    /// <returns>False when there is none that works.</returns>
    public bool Revoke(string id) =>
        database.Execute("UPDATE api_keys SET revoked_ms = $2 WHERE id = $1 AND revoked_ms IS NULL", id, clock.GetUtcNow()) > 0;

    // Who has two keys of one name would let two machines pass as one.
    private void CheckMachine(string name)
    {
        if (!PlainName.IsValid(name) || name.Length > 64)
            throw new RequestException($"'{name}' can't be a machine's name.", "It has letters, digits, '-', '_' and '.', at most 64.");
        if (List().FirstOrDefault(k => k.Role == Role.Agent && k.Name == name && k.Revoked is null) is { } other)
        {
            throw new RequestException($"machine '{name}' has a key already ({other.Prefix}…).",
                $"Revoke it first: quantbench keys revoke {other.Prefix}");
        }
    }

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    private static ApiKeyInfo Read(DbDataReader row) => new(
        row.GetString(0), row.GetString(1), row.GetString(2), Enum.Parse<Role>(row.GetString(3), ignoreCase: true), row.GetString(4),
        row.Time(5), row.TimeOrNull(6), row.TimeOrNull(7));
}
