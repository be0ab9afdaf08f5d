using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace QuantBench.TestKit.Databases;

/// <summary>
/// A throw-away PostgreSQL server, started once per test process from the binaries of this machine and gone with it. Over its socket
/// everybody is let in; over the loopback port a password is asked for.
/// </summary>
public sealed class PostgresServer
{
    public const string User = "quantbench";
    public const string Password = "pass;w%rd \"7\"";

    private static readonly string? s_binaries = Find();
    private static readonly Lazy<PostgresServer> s_shared = new(() => new PostgresServer(durable: false));

    // A collected one would close its standard input, and so end the server.
    private static readonly List<PostgresServer> s_kept = [];

    private readonly string _directory;
    private readonly Process _process;
    private int _databases;

    private PostgresServer(bool durable)
    {
        if (s_binaries is null)
            throw new InvalidOperationException(
                "QB_REQUIRE_POSTGRES is set, and there are no PostgreSQL binaries in /usr/lib/postgresql/*/bin or on PATH.");
        _directory = Directory.CreateTempSubdirectory("qb-pg-").FullName;
        Port = FreePort();
        string password = Path.Combine(_directory, "password");
        File.WriteAllText(password, Password + "\n");
        string data = Path.Combine(_directory, "data");
        // It ends when its standard input does: with this process, however that ends. PostgreSQL won't run as root.
        string script = $$"""
            set -e
            exec >"{{_directory}}/log" 2>&1
            "{{s_binaries}}/initdb" -D "{{data}}" -U {{User}} --auth-local=trust --auth-host=scram-sha-256 --pwfile="{{password}}" \
              --no-sync --locale=C -E UTF8
            start() {
              "{{s_binaries}}/postgres" -D "{{data}}" -k "{{_directory}}" -p {{Port}} -c listen_addresses=127.0.0.1 \
                -c fsync={{(durable ? "on" : "off")}} -c max_connections=200 &
            }
            start
            while read -r word; do
              case $word in
                stop) kill -INT $! ; wait $! || true ;;
                start) start ;;
              esac
            done
            kill -INT $! ; wait $! || true
            rm -rf "{{_directory}}"
            """;
        string[] command = ["sh", "-c", script];
        if (Environment.IsPrivilegedProcess)
        {
            string account = File.ReadLines("/etc/passwd").Any(l => l.StartsWith("postgres:", StringComparison.Ordinal)) ? "postgres"
                : "nobody";
            using Process own = Process.Start("chown", ["-R", account, _directory]);
            own.WaitForExit();
            command = ["runuser", "-u", account, "--", .. command];
        }

        var info = new ProcessStartInfo(command[0]) { RedirectStandardInput = true, WorkingDirectory = Path.GetTempPath() };
        foreach (string argument in command[1..]) info.ArgumentList.Add(argument);
        _process = Process.Start(info) ?? throw new InvalidOperationException($"{command[0]} can't be started");
        Await();
    }

    /// <summary>A database's address with its password, as users write it.</summary>
    public string UrlOf(string database) => $"postgres://{User}:{Uri.EscapeDataString(Password)}@127.0.0.1:{Port}/{database}";

    /// <summary>Why there is no server; null when there is one, or when it must be there.</summary>
    public static string? Missing { get; } =
        s_binaries is not null || Environment.GetEnvironmentVariable("QB_REQUIRE_POSTGRES") is { Length: > 0 }
            ? null
            : "no PostgreSQL binaries in /usr/lib/postgresql/*/bin or on PATH (Debian: apt-get install postgresql); QB_REQUIRE_POSTGRES=1 "
                + "makes this a failure";

    /// <summary>The server of this process.</summary>
    public static PostgresServer Shared => s_shared.Value;

    /// <summary>Its port on 127.0.0.1.</summary>
    public int Port { get; }

    /// <summary>Starts another one that syncs to its disk as a lab's would, for measurements.</summary>
    public static PostgresServer StartDurable()
    {
        var server = new PostgresServer(durable: true);
        s_kept.Add(server);
        return server;
    }

    /// <summary>Starts another one, which a test may stop.</summary>
    public static PostgresServer StartOwn()
    {
        var server = new PostgresServer(durable: false);
        s_kept.Add(server);
        return server;
    }

    /// <summary>Stops it as an administrator would: sessions are ended, nobody is let in.</summary>
    public void Stop()
    {
        Tell("stop");
        try
        {
            for (int i = 0; i < 600; i++)
            {
                Execute("postgres", "SELECT 1");
                Thread.Sleep(50);
            }
        }
        catch (NpgsqlException)
        {
            return;
        }

        throw new InvalidOperationException($"PostgreSQL didn't stop: {Log()}");
    }

    /// <summary>Starts it again over the same data.</summary>
    public void StartAgain()
    {
        Tell("start");
        Await();
    }

    /// <summary>Address of a database over the socket.</summary>
    public string AddressOf(string database) => $"Host={_directory};Port={Port};Database={database};Username={User}";

    /// <summary>Makes an empty database and gives its name.</summary>
    public string NewDatabase()
    {
        string name = $"store_{Interlocked.Increment(ref _databases).ToString(CultureInfo.InvariantCulture)}";
        Execute("postgres", $"CREATE DATABASE {name}");
        return name;
    }

    /// <summary>Runs a statement in a database.</summary>
    public void Execute(string database, string sql)
    {
        using var connection = new NpgsqlConnection(AddressOf(database) + ";Pooling=false");
        connection.Open();
#pragma warning disable CA2100 // Review SQL for injection: tests' own constants.
        using var command = new NpgsqlCommand(sql, connection);
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }

    private static string? Find()
    {
        IEnumerable<string> installed = Directory.Exists("/usr/lib/postgresql")
            ? Directory.EnumerateDirectories("/usr/lib/postgresql")
                .OrderByDescending(d => int.TryParse(Path.GetFileName(d), out int version) ? version : 0)
                .Select(d => Path.Combine(d, "bin"))
            : [];
        return installed.Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries))
            .FirstOrDefault(d => File.Exists(Path.Combine(d, "postgres")) && File.Exists(Path.Combine(d, "initdb")));
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private void Tell(string word)
    {
        _process.StandardInput.Write(word + "\n");
        _process.StandardInput.Flush();
    }

    private void Await()
    {
        for (int i = 0; ; i++)
        {
            if (_process.HasExited || i == 600) throw new InvalidOperationException($"PostgreSQL didn't start: {Log()}");
            try
            {
                Execute("postgres", "SELECT 1");
                return;
            }
            catch (NpgsqlException)
            {
                Thread.Sleep(100); // initdb takes a second or two
            }
        }
    }

    private string Log() => Path.Combine(_directory, "log") is var log && File.Exists(log) ? File.ReadAllText(log) : "no log";
}
