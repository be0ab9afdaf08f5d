using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using QuantBench.Core;
using QuantBench.Core.Cells;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;
using QuantBench.Results.Store.Postgres;
using QuantBench.Results.Store.Sqlite;
using QuantBench.TestKit;

namespace QuantBench.Results.Tests.Compatibility;

/// <summary>The databases of an earlier build are today's.</summary>
public sealed class EarlierStoreTests : IDisposable
{
    private readonly EarlierResults _earlier = new();

    public void Dispose() => _earlier.Dispose();

    [Theory]
    [InlineData(EarlierResults.First)]
    [InlineData(EarlierResults.Second)]
    public void ReadRecord_GivesWhatTheFolderHolds(string run)
    {
        using ResultStore store = ResultStore.Open(_earlier.Directory);
        using RunFolder folder = RunFolder.OpenReadOnly(Path.Combine(_earlier.Directory, run));
        RunRecord expected = folder.ReadRecord();

        RunRecord? stored = store.ReadRecord(run);

        Assert.Equal(Text(expected.Info), Text(stored?.Info));
        Assert.Equal(expected.Cells.Select(Stored), stored?.Cells.Select(Stored));
    }

    [Fact]
    public void Open_ChangesNothing()
    {
        string[] before = Dump();

        ResultStore.Open(_earlier.Directory).Dispose();

        Assert.Equal(before, Dump());
        Assert.Contains(before, line => line.StartsWith("measurements: ", StringComparison.Ordinal));
    }

    [Fact]
    public void Reindex_MakesTheSameRows()
    {
        string[] before = Dump();
        using (ResultStore store = ResultStore.Open(_earlier.Directory))
        {
            ReindexReport report = store.Reindex();
            Assert.Equal((2, 35), (report.Runs, report.Cells));
        }

        Assert.Equal(before.Order(), Dump().Order());
    }

    [Fact]
    public void NewDatabase_HasTheSameTables_AsOneBroughtUpToDate()
    {
        using var fresh = new TemporaryDirectory();
        ResultStore.Open(_earlier.Directory).Dispose();
        ResultStore.Open(fresh.Path).Dispose();

        Assert.Equal(Schema(_earlier.Directory), Schema(fresh.Path));
    }

    [Fact]
    public void Models_AreThoseOfTheMigrations()
    {
        using SqliteStoreContext sqlite = new SqliteContextFactory().CreateDbContext([]);
        using PostgresStoreContext postgres = new PostgresContextFactory().CreateDbContext([]);

        Assert.False(sqlite.Database.HasPendingModelChanges());
        Assert.False(postgres.Database.HasPendingModelChanges());
        // What the earlier build's migration does in PostgreSQL, without the line that notes EF's version.
        string script = postgres.GetService<IMigrator>().GenerateScript(toMigration: "20261124100433_FirstSchema").ReplaceLineEndings("\n");
        string tables = script[..script.IndexOf("INSERT INTO \"__EFMigrationsHistory\"", StringComparison.Ordinal)];
        Assert.True(
            Hash(tables) == "25692123008cb91b1c39f7d44a3f5e30e82fb919596e8d7e8ed1730d07d3931e",
            $"the script has changed ({Hash(tables)}):\n{tables}");
    }

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    // The store keeps times in milliseconds and no order of cells that finished.
    private static string Stored(CellResult cell) =>
        Text(cell with { Started = DateTimeOffset.FromUnixTimeMilliseconds(cell.Started.ToUnixTimeMilliseconds()) });

    private static string Text<T>(T value) => JsonSerializer.Serialize(value, Json.Line);

    private static string[] Schema(string root) =>
        [.. Rows(root, "SELECT type || ' ' || name || ': ' || coalesce(sql, '') FROM sqlite_master ORDER BY type, name")];

    // Row numbers left out: the rows of a table by what they say and belong to.
    private string[] Dump() =>
    [
        .. Rows(_earlier.Directory, "SELECT 'runs: ' || r.id || r.folder || r.host || r.status || r.info FROM runs r"),
        .. Rows(_earlier.Directory,
            """
            SELECT 'cells: ' || run_id || cell_id || model || variant || backend || workload || settings || status || coalesce(reason, '')
                || coalesce(failure, '') || started_ms || seconds || coalesce(details, '') FROM cells
            """),
        .. Rows(_earlier.Directory,
            """
            SELECT 'measurements: ' || c.run_id || c.cell_id || m.name || m.unit || m.direction || coalesce(m.value, '')
                || coalesce(m.n, '') || coalesce(m.median, '') || coalesce(m.ci_low, '') || coalesce(m.protocol, '')
                || coalesce(hex(s.data), '')
            FROM measurements m JOIN cells c ON c.id = m.cell_row_id LEFT JOIN samples s ON s.measurement_id = m.id
            """),
    ];

    private static List<string> Rows(string root, string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(root, ResultStore.FileName)};Pooling=False");
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // Review SQL for injection: constants of this test.
        command.CommandText = sql;
#pragma warning restore CA2100
        using SqliteDataReader reader = command.ExecuteReader();
        List<string> rows = [];
        while (reader.Read()) rows.Add(reader.GetString(0));
        return rows;
    }
}
