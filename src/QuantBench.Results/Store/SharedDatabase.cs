using System.Data.Common;
using QuantBench.Core.Errors;

namespace QuantBench.Results.Store;

/// <summary>The database system that the machines of a lab share, for what a server keeps beside results. Safe for use by several
/// threads.</summary>
public sealed class SharedDatabase : IDisposable
{
    private readonly StoreDatabase _database;

    private SharedDatabase(StoreDatabase database) => _database = database;

    /// <summary>The database behind a store's address.</summary>
    /// <param name="address">The store's address.</param>
    /// <param name="resultsRoot">Directory of all run folders.</param>
    /// <returns>Null when the store is one machine's own.</returns>
    public static SharedDatabase? Of(StoreAddress address, string resultsRoot)
    {
        ArgumentNullException.ThrowIfNull(address);
        StoreDatabase database = address.Open(resultsRoot);
        if (database.IsShared) return new SharedDatabase(database);
        database.Dispose();
        return null;
    }

    /// <summary>Where it is, for people; never with a password.</summary>
    public string Shown => _database.Shown;

    /// <summary>Opens a connection of the pool.</summary>
    public DbConnection Connect() => _database.Connect();

    /// <summary>Tells those who watch the store of what a transaction changes; called before it is committed.</summary>
    /// <param name="transaction">The transaction.</param>
    public void Announce(DbTransaction transaction) => _database.Announce(transaction);

    /// <summary>What a fault means; null when it isn't the database's.</summary>
    /// <param name="what">What can't be done, e.g. <c>can't be read</c>.</param>
    /// <param name="e">The fault.</param>
    public StoreException? Explain(string what, Exception e) => _database.Explain(what, e);

    /// <inheritdoc/>
    public void Dispose() => _database.Dispose();
}
