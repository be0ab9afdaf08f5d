using System.Data.Common;
using QuantBench.Core.Errors;

namespace QuantBench.Results.Store;

/// <summary>
/// One database that holds a store, with all that differs between database systems. To add a system: a folder beside <c>Sqlite</c> and
/// <c>Postgres</c> with a provider, a database, a context and migrations, and a line in <see cref="StoreProviders"/>. Safe for use by
/// several threads.
/// </summary>
internal abstract class StoreDatabase : IDisposable
{
    /// <summary>Where it is, for people; never with a password.</summary>
    public abstract string Shown { get; }

    /// <summary>Whether other machines may write to it too: then what isn't in this machine's folders isn't wrong.</summary>
    public abstract bool IsShared { get; }

    /// <summary>Whether there is anything to read; what is only known by connecting counts as there.</summary>
    public virtual bool Exists => true;

    /// <summary>Keeps two tables to be read in the order they are named, where the system would choose an order by itself.</summary>
    public abstract string OrderedJoin { get; }

    /// <summary>A condition that reads a run's cells (<c>c</c>) between <c>@low</c> and <c>@high</c> where most of those are the
    /// run's.</summary>
    public abstract string NeighboursSql { get; }

    /// <summary>The function of two texts that tells where the second starts in the first, from 1; 0 where it isn't.</summary>
    public abstract string PositionFunction { get; }

    /// <summary>A connection for writing; the database is made when it is a file that isn't there.</summary>
    public abstract DbConnection Connect();

    /// <summary>Writes rows over a connection.</summary>
    public virtual StoreWriter Writer(DbConnection connection) => new(connection);

    /// <summary>A context with a connection of its own.</summary>
    public abstract StoreContext Context();

    /// <summary>Opens something to read with by plain SQL.</summary>
    public abstract StoreReading Read();

    /// <summary>Sees changes made by any process.</summary>
    public abstract StoreWatch Watch();

    /// <summary>Brings tables up to date; an up-to-date database costs one query.</summary>
    /// <exception cref="StoreException">It is of a newer program.</exception>
    public abstract void EnsureSchema(DbConnection connection);

    /// <summary>Tells watchers of what a transaction changes; called before it is committed.</summary>
    public virtual void Announce(DbTransaction transaction)
    {
    }

    /// <summary>What a fault means; null when it isn't the database's.</summary>
    /// <param name="what">What can't be done, e.g. <c>can't be read</c>.</param>
    /// <param name="e">The fault.</param>
    public abstract StoreException? Explain(string what, Exception e);

    /// <inheritdoc/>
    public abstract void Dispose();
}
