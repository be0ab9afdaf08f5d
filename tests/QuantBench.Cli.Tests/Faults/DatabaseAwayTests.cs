using System.Net;
using QuantBench.TestKit;
using QuantBench.TestKit.Databases;

namespace QuantBench.Cli.Tests.Faults;

/// <summary>Servers outlive their database, say that it is away, and go on when it is back.</summary>
public sealed class DatabaseAwayTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [PostgresFact]
    public async Task Servers_GoOn_WhenTheirDatabaseIsRestarted()
    {
        PostgresServer postgres = PostgresServer.StartOwn();
        string store = postgres.AddressOf(postgres.NewDatabase());
        Directory.CreateDirectory(_directory.Combine("suites"));
        string[] where = ["--port", "0", "--results", _directory.Combine("results"), "--store", store];
        using LiveCommand serve = LiveCommand.Start(["serve", "--suites", _directory.Combine("suites"), .. where]);
        using LiveCommand dashboard = LiveCommand.Start(["dashboard", .. where]);
        using HttpClient first = await ClientAsync(serve);
        using HttpClient second = await ClientAsync(dashboard);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(first, "/runs"));

        for (int round = 0; round < 2; round++)
        {
            postgres.Stop();
            await Task.Delay(TimeSpan.FromSeconds(7)); // each background work has had its turn
            foreach (HttpClient client in (HttpClient[])[first, second])
            {
                Assert.Equal(HttpStatusCode.ServiceUnavailable, await StatusAsync(client, "/runs"));
                using HttpResponseMessage health = await client.GetAsync("/api/v1/health");
                Assert.Equal(HttpStatusCode.ServiceUnavailable, health.StatusCode);
                string said = await health.Content.ReadAsStringAsync();
                Assert.Contains("database doesn", said, StringComparison.Ordinal);
                Assert.Equal(HttpStatusCode.OK, await StatusAsync(client, "/login"));
            }

            postgres.StartAgain();
            foreach (HttpClient client in (HttpClient[])[first, second])
            {
                for (int i = 0; i < 20 && await StatusAsync(client, "/runs") != HttpStatusCode.OK; i++) await Task.Delay(500);
                Assert.Equal(HttpStatusCode.OK, await StatusAsync(client, "/runs"));
                Assert.Equal(HttpStatusCode.OK, await StatusAsync(client, "/api/v1/health"));
            }

            await serve.LineAsync(l => l.Contains("the store is back", StringComparison.Ordinal));
        }

        await dashboard.LineAsync(l => l.Contains("can't be watched", StringComparison.Ordinal));
        serve.Signal(LiveCommand.SigInt);
        dashboard.Signal(LiveCommand.SigInt);
        Assert.Equal(0, await serve.EndAsync());
        Assert.Equal(0, await dashboard.EndAsync());
    }

    private static async Task<HttpClient> ClientAsync(LiveCommand server)
    {
        string line = await server.LineAsync(l => l.StartsWith("dashboard:", StringComparison.Ordinal));
        return new HttpClient { BaseAddress = new Uri(line["dashboard:".Length..].Trim()) };
    }

    private static async Task<HttpStatusCode> StatusAsync(HttpClient client, string address)
    {
        using HttpResponseMessage answer = await client.GetAsync(address);
        return answer.StatusCode;
    }
}
