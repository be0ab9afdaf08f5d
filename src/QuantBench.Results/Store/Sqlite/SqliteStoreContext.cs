using Microsoft.EntityFrameworkCore;

namespace QuantBench.Results.Store.Sqlite;

/// <summary>The store's tables in SQLite.</summary>
/// <param name="options">The connection.</param>
internal sealed class SqliteStoreContext(DbContextOptions<SqliteStoreContext> options) : StoreContext(options);
