using System.Collections.Immutable;
using System.Data.Common;
using QuantBench.Lab.State;

namespace QuantBench.Lab.Accounts;

/// <summary>The accounts in <c>lab.db</c>.</summary>
/// <param name="database">The database.</param>
public sealed class AccountStore(LabDatabase database)
{
    private const string Columns = "id, name, normalized, role, password_hash, stamp, failures, lockout_end_ms, created_ms";

    /// <summary>Whether there is any account; without one nobody can change anything over the network.</summary>
    public bool Any() => database.Query(r => r.GetInt64(0), "SELECT count(*) FROM accounts")[0] > 0;

    /// <summary>All accounts by name.</summary>
    public ImmutableArray<Account> List() => [.. database.Query(Read, $"SELECT {Columns} FROM accounts ORDER BY normalized")];

    /// <summary>The account of an id, or null.</summary>
    public Account? Find(string id) => database.Query(Read, $"SELECT {Columns} FROM accounts WHERE id = $1", id).FirstOrDefault();

    /// <summary>The account of a name in lookup spelling, or null.</summary>
    public Account? FindByName(string normalized) =>
        database.Query(Read, $"SELECT {Columns} FROM accounts WHERE normalized = $1", normalized).FirstOrDefault();

    /// <summary>Adds an account.</summary>
    /// <returns>False when the name is taken.</returns>
    public bool Add(Account account)
    {
        ArgumentNullException.ThrowIfNull(account);
        return database.Execute(
            $"INSERT INTO accounts ({Columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
            account.Id, account.Name, account.Normalized, account.Role, account.PasswordHash, account.Stamp, (long)account.Failures,
            account.LockoutEnd, account.Created) > 0;
    }

    /// <summary>Adds the first account.</summary>
    /// <returns>False when there is one already; of two who try at once, one gets false.</returns>
    public bool AddFirst(Account account)
    {
        ArgumentNullException.ThrowIfNull(account);
        return database.Execute(
            $"INSERT INTO accounts ({Columns}) SELECT $1, $2, $3, $4, $5, $6, $7, CAST($8 AS BIGINT), $9 "
                + "WHERE NOT EXISTS (SELECT 1 FROM accounts)",
            account.Id, account.Name, account.Normalized, account.Role, account.PasswordHash, account.Stamp, (long)account.Failures,
            account.LockoutEnd, account.Created) > 0;
    }

    /// <summary>Stores a changed account.</summary>
    public bool Update(Account account)
    {
        ArgumentNullException.ThrowIfNull(account);
        return database.Execute(
            "UPDATE accounts SET name = $2, normalized = $3, role = $4, password_hash = $5, stamp = $6, failures = $7, lockout_end_ms = $8 "
                + "WHERE id = $1",
            account.Id, account.Name, account.Normalized, account.Role, account.PasswordHash, account.Stamp, (long)account.Failures,
            account.LockoutEnd) > 0;
    }

    /// <summary>Removes an account, unless it is the last admin.</summary>
    /// <returns>False when it was kept.</returns>
    public bool Remove(string id) => database.Execute(
        "DELETE FROM accounts WHERE id = $1 AND (role <> 'admin' OR (SELECT count(*) FROM accounts WHERE role = 'admin') > 1)", id) > 0;

    private static Account Read(DbDataReader row) => new()
    {
        Id = row.GetString(0),
        Name = row.GetString(1),
        Normalized = row.GetString(2),
        Role = Enum.Parse<Role>(row.GetString(3), ignoreCase: true),
        PasswordHash = row.GetString(4),
        Stamp = row.GetString(5),
        Failures = row.GetInt32(6),
        LockoutEnd = row.TimeOrNull(7),
        Created = row.Time(8),
    };
}
