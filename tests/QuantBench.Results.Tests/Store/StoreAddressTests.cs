using FsCheck.Xunit;
using Npgsql;
using QuantBench.Core.Errors;
using QuantBench.Results.Store;
using QuantBench.Results.Store.Postgres;
using QuantBench.SampleData;

namespace QuantBench.Results.Tests.Store;

public sealed class StoreAddressTests
{
    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("sqlite")]
    public void Parse_GivesTheDefault_WhenNothingElseIsNamed(string? text) => Assert.True(StoreAddress.Parse(text).IsDefault);

    [Theory]
    [InlineData("postgres://ada@db.lab:6000/results?sslmode=verify-full&application_name=x", "db.lab", 6000, "results", "ada", null,
        SslMode.VerifyFull)]
    [InlineData("postgresql://ada:p%40ss%3Bw%2F@db.lab/results", "db.lab", 5432, "results", "ada", "p@ss;w/", SslMode.Prefer)]
    [InlineData("postgres://ada@/results?host=/run/postgresql", "/run/postgresql", 5432, "results", "ada", null, SslMode.Prefer)]
    [InlineData("postgres://[::1]:6000/results?user=ada", "::1", 6000, "results", "ada", null, SslMode.Prefer)]
    [InlineData("Host=db.lab;Database=results;Username=ada;Password=\"a;b\"", "db.lab", 5432, "results", "ada", "a;b", SslMode.Prefer)]
    public void Read_TakesUrlsAndPairs(string address, string host, int port, string database, string user, string? password, SslMode mode)
    {
        NpgsqlConnectionStringBuilder read = PostgresProvider.Read(address, _ => null);

        Assert.Equal((host, port, database, user, password, mode),
            (read.Host, read.Port, read.Database, read.Username, read.Password, read.SslMode));
    }

    [Fact]
    public void Read_TakesWhatIsLeftOut_FromPsqlsVariables()
    {
        Dictionary<string,
            string> set = new()
            {
                ["PGHOST"] = "db.lab",
                ["PGPORT"] = "6000",
                ["PGDATABASE"] = "results",
                ["PGUSER"] = "ada",
                ["PGSSLMODE"] = "verify-ca"
            };

        NpgsqlConnectionStringBuilder bare = PostgresProvider.Read("postgres", set.GetValueOrDefault);
        NpgsqlConnectionStringBuilder given = PostgresProvider.Read("postgres://bob@other/lab?sslmode=disable", set.GetValueOrDefault);

        Assert.Equal(("db.lab", 6000, "results", "ada", SslMode.VerifyCA),
            (bare.Host, bare.Port, bare.Database, bare.Username, bare.SslMode));
        Assert.Equal(("other", 6000, "lab", "bob", SslMode.Disable),
            (given.Host, given.Port, given.Database, given.Username, given.SslMode));
    }

    [Theory]
    [InlineData("mysql://ada:secret@db.lab/results")]
    [InlineData("secret")]
    [InlineData("postgres://ada:secret@db.lab:port/results")]
    [InlineData("postgres://ada:secret@db.lab/results?sslmode=secret")]
    [InlineData("postgres://ada:secret@db.lab/results?nothing=secret")]
    [InlineData("Host=db.lab;Port=secret")]
    [InlineData("Host=db.lab;Passwort=secret")]
    [InlineData("Host=db.lab;\"secret")]
    [InlineData("file:/nowhere/at/all")]
    public void Parse_Refuses_WithoutRepeatingTheAddress(string address)
    {
        RequestException e = Assert.Throws<RequestException>(() => StoreAddress.Parse(address));

        Assert.DoesNotContain("secret", e.ToString(), StringComparison.Ordinal);
        Assert.NotNull(e.Hint);
    }

    [Fact]
    public void Parse_TakesTheFirstLineOfAFile_ThatIsNoComment()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["address"], "# the lab's\n\n  postgres://ada:secret@db.lab/results  \n");
        File.WriteAllText(folder["empty"], "# nothing\n");

        StoreAddress read = StoreAddress.Parse($"file:{folder["address"]}");

        Assert.False(read.IsDefault);
        Assert.Equal("PostgreSQL", read.ToString());
        RequestException empty = Assert.Throws<RequestException>(new Action(() => StoreAddress.Parse($"file:{folder["empty"]}")));
        Assert.Contains("holds no address", empty.Message, StringComparison.Ordinal);
    }

    [Property]
    public bool Parse_GivesAnAddressOrARequestError_WhateverIsWritten(string? text)
    {
        foreach (string address in (string[])[text ?? "", $"postgres://{text}", $"Host={text}", $"postgres://a@b/c?{text}=1"])
        {
            if (Record.Exception(() => StoreAddress.Parse(address)) is not (null or RequestException)) return false;
        }

        return true;
    }
}
