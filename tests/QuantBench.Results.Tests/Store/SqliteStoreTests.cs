using Microsoft.Data.Sqlite;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;
using QuantBench.Results.Store.Sqlite;
using QuantBench.SampleData;

namespace QuantBench.Results.Tests.Store;

/// <summary>The store in SQLite.</summary>
public sealed class SqliteStoreTests : ResultStoreContract
{
    protected override string LatestSchema => SqliteDatabase.LatestSchema;

    [Fact]
    public void IndexCell_CostsTheSame_ForTheFirstAndTheLastOf2000()
    {
        RunRecord sample = SampleRun.Make();
        using ResultStore store = Open();
        store.IndexRun(sample.Info);
        CellResult[] cells = [.. Enumerable.Range(0, 2000).Select(Trivial)];
        store.IndexCell(sample.Info.Id, cells[0]); // statements are compiled once

        long first = Allocated(cells[..500]);
        Allocated(cells[500..1500]);
        long last = Allocated(cells[1500..]);

        Assert.InRange(last, first * 0.95, first * 1.05);
        using StoreContext context = store.OpenContext();
        Assert.Equal(2000, context.Cells.Count());

        long Allocated(CellResult[] part)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            foreach (CellResult cell in part) store.IndexCell(sample.Info.Id, cell);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    [Fact]
    public void Open_Throws_WhenTheFileIsNoDatabase()
    {
        File.WriteAllText(Root["results.db"], new string('x', 5000));

        StoreException e = Assert.Throws<StoreException>(Open);

        Assert.Contains("reindex", e.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_GoesOn_WhenAKilledProcessLeftItsMigrationLock()
    {
        // As a process that was killed between taking EF's lock and the first table leaves it.
        Execute("""
            CREATE TABLE "__EFMigrationsLock" ("Id" INTEGER NOT NULL PRIMARY KEY, "Timestamp" TEXT NOT NULL);
            INSERT INTO "__EFMigrationsLock" VALUES (1, '2026-01-01 00:00:00.0000000+00:00');
            """);

        using ResultStore store = Open();

        Assert.Equal(0, store.Reindex().Runs);
    }

    [Fact]
    public async Task Open_MakesTheTablesOnce_WhenManyStartTogether()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
        {
            using ResultStore store = Open(Root.Path);
            Assert.Equal(0, store.Reindex().Runs);
        })));
    }

    [Theory]
    [InlineData("results.db-journal")]
    [InlineData("results.db-wal")]
    public void Open_NamesTheDirectory_ThatLiesInTheDatabasesWay(string name)
    {
        Directory.CreateDirectory(Root[name]);

        StoreException e = Assert.Throws<StoreException>(Open);

        Assert.Contains(name, e.Message, StringComparison.Ordinal);
    }

    protected override ResultStore Open(string root) => ResultStore.Open(root);

    protected override void Execute(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Root["results.db"]};Pooling=False");
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // Review SQL for injection: constants of the contract.
        command.CommandText = sql;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }
}
