using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;
using QuantBench.Results.Store.Postgres;
using QuantBench.SampleData;
using QuantBench.TestKit.Databases;

namespace QuantBench.Results.Tests.Store;

/// <summary>The store in PostgreSQL, on a real server.</summary>
public sealed class PostgresStoreTests : ResultStoreContract
{
    private readonly Dictionary<string, string> _databases = [];

    protected override string LatestSchema => PostgresDatabase.LatestSchema;

    [PostgresFact]
    public void Rows_AreThoseOfSqlite()
    {
        RunRecord sample = SampleRun.Make();
        using ResultStore here = Open();
        using var root = new TemporaryFolder();
        using ResultStore there = ResultStore.Open(root.Path);
        here.IndexWhole(sample.Info, "run", sample.Cells);
        there.IndexWhole(sample.Info, "run", sample.Cells);

        Assert.Equal(Dump(there), Dump(here));
    }

    [PostgresFact]
    public void Reindex_LeavesRunsOfOtherMachines()
    {
        RunRecord mine = SampleRun.Make("run-mine");
        RunRecord other = SampleRun.Make("run-other");
        using ResultStore store = Open();
        store.IndexWhole(other.Info, "run-other", other.Cells);
        using (RunFolder folder = RunFolder.Create(Root.Path, mine.Info))
        {
            foreach (CellResult cell in mine.Cells) folder.Append(cell);
        }

        ReindexReport report = store.Reindex();

        Assert.Equal(1, report.Runs);
        using AggregateReader reader = store.OpenReader();
        Assert.Equal(["run-mine", "run-other"], reader.Runs().Select(r => r.Id).Order(StringComparer.Ordinal));
        Assert.Equal(other.Cells.Length, reader.CellCount("run-other"));
    }

    [PostgresFact]
    public void IndexCell_GoesOn_AfterTheServerHasClosedTheConnection()
    {
        RunRecord sample = SampleRun.Make();
        using ResultStore store = Open();
        store.IndexRun(sample.Info);
        Execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");

        // The first cell meets the dead connection; the next one gets a new one.
        Record.Exception(() => store.IndexCell(sample.Info.Id, sample.Cells[0]));
        store.IndexCell(sample.Info.Id, sample.Cells[1]);

        using StoreContext context = store.OpenContext();
        Assert.Contains(context.Cells, c => c.CellId == sample.Cells[1].Cell.Id.Value);
    }

    [PostgresFact]
    public void Open_SaysWhatToDo_WhenItCannot()
    {
        PostgresServer server = PostgresServer.Shared;
        string database = server.NewDatabase();
        (string Address, string Message, string Hint)[] cases =
        [
            ($"postgres://{PostgresServer.User}:wrong-secret@127.0.0.1:{server.Port}/{database}", "password authentication failed",
                "PGPASSWORD"),
            ($"postgres://{PostgresServer.User}@127.0.0.1:{server.Port}/{database}?passfile=/nowhere", "/nowhere", "Check the files"),
            ($"{server.AddressOf("missing")};Password=wrong-secret", "\"missing\" does not exist", "createdb"),
            ($"postgres://a:wrong-secret@127.0.0.1:1/{database}", "doesn't answer", "Check that PostgreSQL runs on 127.0.0.1:1"),
            ($"postgres://a:wrong-secret@no-such-host.invalid/{database}", "doesn't answer", "no-such-host.invalid:5432"),
        ];
        foreach ((string address, string message, string hint) in cases)
        {
            StoreException e = Assert.Throws<StoreException>(() => ResultStore.Open(Root.Path, StoreAddress.Parse(address)));

            Assert.Contains(message, e.Message, StringComparison.Ordinal);
            Assert.Contains(hint, e.Hint, StringComparison.Ordinal);
            Assert.DoesNotContain("secret", e.Message + e.Hint + e, StringComparison.Ordinal);
        }
    }

    [PostgresFact]
    public void Open_TakesAPasswordWithAnyCharacter_FromTheAddress()
    {
        PostgresServer server = PostgresServer.Shared;
        string database = server.NewDatabase();

        using ResultStore store =
            ResultStore.Open(Root.Path,
                StoreAddress.Parse(
                    server.UrlOf(database)));

        Assert.Equal($"PostgreSQL database {database} on 127.0.0.1:{server.Port}", store.Location);
        Assert.True(store.IsShared);
    }

    [PostgresFact]
    public void Open_Throws_WhenTheUserMayMakeNoTables()
    {
        PostgresServer server = PostgresServer.Shared;
        string database = server.NewDatabase();
        server.Execute(database, $"CREATE ROLE reader_{database} LOGIN; REVOKE ALL ON SCHEMA public FROM public");

        StoreException e = Assert.Throws<StoreException>(() => ResultStore.Open(
            Root.Path,
            StoreAddress.Parse(
                server.AddressOf(database)
                    .Replace($"Username={PostgresServer.User}", $"Username=reader_{database}", StringComparison.Ordinal))));

        Assert.Contains("GRANT", e.Hint, StringComparison.Ordinal);
    }

    protected override ResultStore Open(string root)
    {
        lock (_databases)
        {
            if (!_databases.ContainsKey(root)) _databases[root] = PostgresServer.Shared.NewDatabase();
        }

        return ResultStore.Open(root, StoreAddress.Parse(PostgresServer.Shared.AddressOf(_databases[root])));
    }

    protected override void Execute(string sql) => PostgresServer.Shared.Execute(_databases[Root.Path], sql);
}
