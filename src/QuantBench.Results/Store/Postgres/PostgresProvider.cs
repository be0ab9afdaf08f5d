using System.Data.Common;
using Npgsql;
using QuantBench.Core.Errors;

namespace QuantBench.Results.Store.Postgres;

/// <summary>
/// PostgreSQL, for a lab. An address is a URL, Npgsql's <c>Host=…;Database=…</c>, or only <c>postgres</c>; what it leaves out is taken from
/// the variables that psql takes it from, a password also from <c>~/.pgpass</c>.
/// </summary>
internal sealed class PostgresProvider : IStoreProvider
{
    private const string Bare = "postgres";

    private static readonly string[] s_schemes = ["postgres://", "postgresql://"];

    public string Name => "PostgreSQL";

    public bool Accepts(string address) =>
        address == Bare || s_schemes.Any(s => address.StartsWith(s, StringComparison.OrdinalIgnoreCase))
            || address.Contains('=', StringComparison.Ordinal);

    public StoreDatabase Open(string resultsRoot, string address)
    {
        NpgsqlConnectionStringBuilder read = Read(address, Environment.GetEnvironmentVariable);
        try
        {
            return new PostgresDatabase(read);
        }
        catch (Exception e)
            when (e is ArgumentException or FormatException or OverflowException or InvalidOperationException or NotSupportedException)
        {
            // Options that don't go together, or a host that is none. Npgsql's own message may repeat a value.
            throw new RequestException(
                "the address of the PostgreSQL store can't be used: its host is none, or its options don't go together.",
                "Write e.g. postgres://user@host:5432/database?sslmode=require.");
        }
    }

    /// <summary>Reads an address.</summary>
    /// <param name="address">The address.</param>
    /// <param name="variable">Value of an environment variable, or null.</param>
    /// <exception cref="RequestException">It can't be read; the message repeats only names of options.</exception>
    internal static NpgsqlConnectionStringBuilder Read(string address, Func<string, string?> variable)
    {
        var builder = new NpgsqlConnectionStringBuilder();
        if (s_schemes.Any(s => address.StartsWith(s, StringComparison.OrdinalIgnoreCase))) FromUrl(builder, address);
        else if (address != Bare) FromPairs(builder, address);

        // PGUSER, PGPASSWORD, PGPASSFILE and the files of certificates are Npgsql's own; these aren't.
        Default(builder, "Host", builder.Host, "PGHOST", "localhost");
        Default(builder, "Port", Given("Port") ? "given" : null, "PGPORT", "5432");
        Default(builder, "SSL Mode", Given("SSL Mode") ? "given" : null, "PGSSLMODE", null);
        Default(builder, "Username", builder.Username, "PGUSER", Environment.UserName);
        Default(builder, "Database", builder.Database, "PGDATABASE", builder.Username);
        if (!Given("Timeout")) builder.Timeout = 10;
        if (!Given("Application Name")) builder.ApplicationName = "QuantBench";
        // The same few questions are asked again and again.
        if (!Given("Max Auto Prepare")) builder.MaxAutoPrepare = 100;
        builder.PersistSecurityInfo = false;
        builder.IncludeErrorDetail = false;
        return builder;

        // ContainsKey says of every known option that it is there.
        bool Given(string option) => builder.Keys.Contains(option, StringComparer.OrdinalIgnoreCase);

        void Default(NpgsqlConnectionStringBuilder of, string option, string? given, string name, string? otherwise)
        {
            if (!string.IsNullOrEmpty(given)) return;
            string? value = variable(name) is { Length: > 0 } set ? set : otherwise;
            if (value is not null) Set(of, option, option == "SSL Mode" ? value.Replace("-", "", StringComparison.Ordinal) : value);
        }
    }

    private static void FromUrl(NpgsqlConnectionStringBuilder builder, string address)
    {
        const string form = "Write postgres://user@host:5432/database?sslmode=require; special characters as %XX.";
        // Read by hand: a user without a host (postgres://user@/db, for sockets) is no Uri.
        string rest = address[(address.IndexOf("//", StringComparison.Ordinal) + 2)..];
        (rest, string query) = Cut(rest, '?');
        (string authority, string database) = Cut(rest, '/');
        int at = authority.LastIndexOf('@');
        if (at >= 0)
        {
            (string user, string password) = Cut(authority[..at], ':');
            if (user.Length > 0) Set(builder, "Username", Decode(user));
            if (password.Length > 0) Set(builder, "Password", Decode(password));
            authority = authority[(at + 1)..];
        }

        int colon = authority.LastIndexOf(':');
        if (colon >= 0 && !authority.EndsWith(']'))
        {
            if (!ushort.TryParse(authority[(colon + 1)..], out ushort port))
                throw new RequestException("the port in the address of the PostgreSQL store is no number.", form);
            builder.Port = port;
            authority = authority[..colon];
        }

        if (authority.Length > 0) Set(builder, "Host", Decode(authority.Trim('[', ']')));
        if (database.Length > 0) Set(builder, "Database", Decode(database));
        foreach (string pair in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            (string key, string value) = Cut(pair, '=');
            string option = key switch
            {
                "sslmode" => "SSL Mode",
                "sslrootcert" => "Root Certificate",
                "sslcert" => "SSL Certificate",
                "sslkey" => "SSL Key",
                "application_name" => "Application Name",
                "connect_timeout" => "Timeout",
                "passfile" => "Passfile",
                "user" => "Username",
                "dbname" => "Database",
                _ => Decode(key),
            };
            string text = Decode(value);
            Set(builder, option, option == "SSL Mode" ? text.Replace("-", "", StringComparison.Ordinal) : text);
        }

        static string Decode(string text) => Uri.UnescapeDataString(text);

        static (string Before, string After) Cut(string text, char at) =>
            text.IndexOf(at, StringComparison.Ordinal) is >= 0 and var i ? (text[..i], text[(i + 1)..]) : (text, "");
    }

    private static void FromPairs(NpgsqlConnectionStringBuilder builder, string address)
    {
        var pairs = new DbConnectionStringBuilder();
        try
        {
            pairs.ConnectionString = address;
        }
        catch (ArgumentException e)
        {
            throw new RequestException("the address of the PostgreSQL store isn't of the form 'Host=…;Database=…'.",
                "Values with ; or quotes stand in quotes. A URL may be given instead: postgres://user@host/database.", e);
        }

        foreach (string key in pairs.Keys) Set(builder, key, (string)pairs[key]);
    }

    private static void Set(NpgsqlConnectionStringBuilder builder, string option, string value)
    {
        try
        {
            builder[option] = value;
        }
        catch (Exception e) when (e is ArgumentException or FormatException or InvalidCastException or OverflowException)
        {
            // Npgsql's own message may repeat the value.
            throw new RequestException(
                $"the address of the PostgreSQL store has an option '{option}' that isn't known or has a wrong value.",
                "Options are those of Npgsql, e.g. Host, Port, Database, Username, SSL Mode, Root Certificate, Passfile.");
        }
    }
}
