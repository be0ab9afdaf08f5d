namespace QuantBench.Results.Store.Sqlite;

/// <summary>SQLite: a file in the results root, nothing to install.</summary>
internal sealed class SqliteProvider : IStoreProvider
{
    public string Name => "SQLite";

    public bool Accepts(string address) => address == "sqlite";

    public StoreDatabase Open(string resultsRoot, string address) => new SqliteDatabase(resultsRoot);
}
