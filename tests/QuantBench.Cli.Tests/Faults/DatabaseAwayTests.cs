using System.Net;
using System.Text.Json;
using QuantBench.Lab.Queue;
using QuantBench.Lab.State;
using QuantBench.Results.Store;
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

    [PostgresFact]
    public async Task ScheduledRun_IsComplete_AlthoughItsDatabaseWasAwayMeanwhile()
    {
        PostgresServer postgres = PostgresServer.StartOwn();
        string store = postgres.AddressOf(postgres.NewDatabase()), results = _directory.Combine("results");
        string text = Path.Combine(_directory.Combine("suites"), "text.txt");
        string suite = Path.Combine(_directory.Combine("suites"), "away.yaml");
        Directory.CreateDirectory(_directory.Combine("suites"));
        await File.WriteAllTextAsync(text, string.Concat(Enumerable.Range(0, 400).Select(i => $"Line {i} of a text that says little. ")));
        await File.WriteAllTextAsync(suite, $$"""
            suite: away
            models: [{ id: reference, source: {{RepositoryRoot.Combine("datasets", "reference-model")}} }]
            variants: [gguf:F32, gguf:F16]
            backends: [managed/scalar]
            workloads:
              - load: { repetitions: 2, time_cap: 1, warmup_cap: 0.2 }
              - perplexity: { dataset: {{text}}, n_ctx: 64, chunks: 2 }
            """);
        var queue = new OccurrenceStore(LabDatabase.Open(results), TimeProvider.System);
        using LiveCommand serve = LiveCommand.Start("serve", "--port", "0", "--results", results, "--store", store, "--suites",
            _directory.Combine("suites"));
        using HttpClient client = await ClientAsync(serve);
        long asked = queue.Request(suite, "test").Id;
        for (int i = 0; i < 1200 && Lines() == 0; i++) await Task.Delay(50);
        Assert.True(Lines() is > 0 and < 4, $"{Lines()} cells before the stop\n{serve.Output}");

        postgres.Stop();
        for (int i = 0; i < 600 && Lines() < 4; i++) await Task.Delay(100);
        Assert.True(Lines() == 4, $"{Lines()} cells without the database\n{serve.Output}");
        postgres.StartAgain();
        for (int i = 0; i < 600 && queue.Find(asked)?.State is OccurrenceState.Due or OccurrenceState.Running; i++) await Task.Delay(100);

        Occurrence? done = queue.Find(asked);
        Assert.True(done is { State: OccurrenceState.Done, RunId: not null }, $"{done}\n{serve.Output}");
        int finished = 0;
        for (int i = 0; i < 300 && finished < 4; i++)
        {
            await Task.Delay(100);
            using HttpResponseMessage answer = await client.GetAsync($"/api/v1/runs/{done.RunId}");
            if (!answer.IsSuccessStatusCode) continue;
            finished = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("counts")
                .GetProperty("finished")
                .GetInt32();
        }

        Assert.True(finished == 4, $"{finished} cells are shown\n{serve.Output}");
        using ResultStore opened = ResultStore.Open(results, StoreAddress.Parse(store));
        Assert.Equal(4, opened.ReadRecord(done.RunId)?.Cells.Length);

        int Lines() => Directory.Exists(results) && Directory.GetFiles(results, "cells.jsonl", SearchOption.AllDirectories) is [var file]
            ? File.ReadAllText(file).Count(c => c == '\n') : 0;
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
