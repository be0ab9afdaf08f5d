using QuantBench.Results.Store.Postgres;
using QuantBench.Results.Store.Sqlite;

namespace QuantBench.Results.Store;

/// <summary>The database systems. To add one: its folder beside this file, and a line here.</summary>
internal static class StoreProviders
{
    public static IReadOnlyList<IStoreProvider> All { get; } =
    [
        new SqliteProvider(),
        new PostgresProvider(),
    ];
}
