using System.Data.Common;
using System.Globalization;
using System.Net.Sockets;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using QuantBench.Core.Errors;

namespace QuantBench.Results.Store.Postgres;

/// <summary>A PostgreSQL database, shared by the machines of a lab.</summary>
internal sealed class PostgresDatabase : StoreDatabase
{
    /// <summary>The newest migration; a test checks it against the migrations in this folder.</summary>
    public const string LatestSchema = "20261130140000_TimingFacts";

    /// <summary>Channel on which changes are announced.</summary>
    public const string Channel = "quantbench_store";

    // Taken while tables are made, so that two machines that start together don't both make them.
    private const long SchemaLock = 0x5175616E7442;

    private const int MigrationSeconds = 3600;
    private const int SchemaSeconds = 20;

    private readonly NpgsqlConnectionStringBuilder _address;
    private readonly NpgsqlDataSource _source;
    private readonly DbContextOptions<PostgresStoreContext> _options;

    public PostgresDatabase(NpgsqlConnectionStringBuilder address)
    {
        _address = address;
        _source = new NpgsqlDataSourceBuilder(address.ConnectionString).Build();
        _options = new DbContextOptionsBuilder<PostgresStoreContext>().UseNpgsql(_source).Options;
    }

    public override string Shown => $"PostgreSQL database {_address.Database} on {Server}";

    public override bool IsShared => true;

    public override string OrderedJoin => "JOIN";

    public override string NeighboursSql => "c.run_id = @run AND c.id BETWEEN @low AND @high";

    public override string PositionFunction => "strpos";

    private string Server =>
        _address.Host is { } host && host.StartsWith('/') ? host
            : string.Create(CultureInfo.InvariantCulture, $"{_address.Host}:{_address.Port}");

    public override DbConnection Connect() => _source.OpenConnection();

    public override StoreWriter Writer(DbConnection connection) => new PostgresWriter((NpgsqlConnection)connection);

    public override StoreContext Context() => new PostgresStoreContext(_options);

    public override StoreReading Read() => new PostgresReading(_source);

    public override StoreWatch Watch() => new PostgresWatch(this, _source.OpenConnection());

    public override void EnsureSchema(DbConnection connection)
    {
        if (IsCurrent(LastMigration(connection))) return;
        LockSchema(connection);
        try
        {
            if (IsCurrent(LastMigration(connection))) return; // another machine made them meanwhile
            using var context = new PostgresStoreContext(new DbContextOptionsBuilder<PostgresStoreContext>().UseNpgsql(connection).Options);
            context.Database.SetCommandTimeout(MigrationSeconds);
            context.Database.Migrate();
        }
        finally
        {
            if (connection.State == System.Data.ConnectionState.Open) Execute(connection, $"SELECT pg_advisory_unlock({SchemaLock})");
        }
    }

    // The server frees it with the connection, however that ends.
    private void LockSchema(DbConnection connection)
    {
        Execute(connection, $"SET lock_timeout = '{SchemaSeconds}s'");
        try
        {
            using DbCommand command = connection.CreateCommand();
            command.CommandTimeout = SchemaSeconds * 2;
            command.CommandText = $"SELECT pg_advisory_lock({SchemaLock})";
            command.ExecuteNonQuery();
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.LockNotAvailable)
        {
            throw new StoreException($"{Shown}: another machine makes its tables and wasn't done after {SchemaSeconds} s.",
                "Wait until it has finished, or stop it; then try again.", e);
        }

        Execute(connection, "RESET lock_timeout");
    }

    // Delivered when the transaction commits, and not at all when it doesn't.
    public override void Announce(DbTransaction transaction)
    {
        using DbCommand notify = transaction.Connection!.CreateCommand(); // it isn't over yet
        notify.Transaction = transaction;
        notify.CommandText = $"NOTIFY {Channel}";
        notify.ExecuteNonQuery();
    }

    public override StoreException? Explain(string what, Exception e)
    {
        Exception[] chain = [.. Chain(e)];
        if (chain.OfType<PostgresException>().FirstOrDefault() is { } refused)
            return new StoreException($"{Shown}: {what}: {refused.MessageText}.", Hint(refused.SqlState), e);
        if (chain.OfType<NpgsqlException>().FirstOrDefault() is not { } fault)
            return DiskFault.Is(e)
                ? new StoreException($"{Shown}: {what}: {e.Message}", "Check the files that the store's address names.", e) : null;
        if (chain.FirstOrDefault(c => c is SocketException or TimeoutException or EndOfStreamException or IOException) is { } silent)
        {
            return new StoreException(
                $"{Shown}: the server doesn't answer: {silent.Message}.",
                $"Check that PostgreSQL runs on {Server} and lets this machine connect (listen_addresses, pg_hba.conf, firewall).", e);
        }

        return new StoreException(
            $"{Shown}: {what}: {fault.Message.TrimEnd('.')}.",
            fault.Message.Contains("password", StringComparison.OrdinalIgnoreCase) ? Password : "The server's log may say more.", e);
    }

    public override void Dispose() => _source.Dispose();

    private static string Password => "Give the user's password in ~/.pgpass, PGPASSWORD, or a file named by --store file:PATH.";

    private static IEnumerable<Exception> Chain(Exception e)
    {
        for (Exception? at = e; at is not null; at = at.InnerException) yield return at;
    }

    private static string? LastMigration(DbConnection connection)
    {
        using DbCommand exists = connection.CreateCommand();
        exists.CommandText = "SELECT to_regclass('\"__EFMigrationsHistory\"') IS NOT NULL";
        if (exists.ExecuteScalar() is not true) return null;
        using DbCommand last = connection.CreateCommand();
        last.CommandText = "SELECT max(\"MigrationId\" COLLATE \"C\") FROM \"__EFMigrationsHistory\"";
        return last.ExecuteScalar() as string;
    }

    private static void Execute(DbConnection connection, string sql)
    {
        using DbCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // Review SQL for injection: callers pass constants.
        command.CommandText = sql;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }

    private bool IsCurrent(string? applied)
    {
        if (applied == LatestSchema) return true;
        if (applied is null || string.CompareOrdinal(applied, LatestSchema) < 0) return false;
        throw new StoreException($"{Shown}: written by a newer QuantBench (schema {applied}).",
            "Use that version on this machine too, or another database.");
    }

    // https://www.postgresql.org/docs/current/errcodes-appendix.html
    private string Hint(string state) => state switch
    {
        "28P01" or "28000" => $"Check the user ('{_address.Username}') and what pg_hba.conf asks of it. {Password}",
        "3D000" => $"Make it once: createdb -h {_address.Host} {_address.Database}",
        "42501" or "3F000" => $"The user needs rights in it: GRANT ALL ON SCHEMA public TO \"{_address.Username}\", as its owner.",
        "53300" => "Raise max_connections on the server, or lower 'Maximum Pool Size' in the store's address.",
        "53100" => "Free space on the server's disk.",
        "57P01" or "57P02" or "57P03" => "The server is stopping or starting; try again when it is up.",
        "57014" => "It took longer than the server or 'Command Timeout' in the store's address allows.",
        _ => $"PostgreSQL's error {state}; the server's log says more.",
    };
}
