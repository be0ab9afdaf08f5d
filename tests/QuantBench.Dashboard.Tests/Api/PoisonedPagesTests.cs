using System.Globalization;
using System.Net;
using Microsoft.Data.Sqlite;
using QuantBench.Core.Errors;
using QuantBench.Lab.Accounts;
using QuantBench.Results.Exchange;
using QuantBench.Results.Store;
using QuantBench.SampleData;
using QuantBench.TestKit;

namespace QuantBench.Dashboard.Tests.Api;

/// <summary>Pages over a store that holds whatever an import takes, and rows that no import would make: none falls, for nobody.</summary>
public sealed class PoisonedPagesTests : IAsyncLifetime
{
    private static readonly int s_runs = int.Parse(
        Environment.GetEnvironmentVariable("QUANTBENCH_FUZZ_PAGES") ?? "60", NumberStyles.None, CultureInfo.InvariantCulture);

    private static readonly string[] s_pages =
    [
        "/", "/runs", "/runs?status=failed&sort=suite&dir=asc", "/runs?tag=sample", "/machines", "/models", "/suites", "/decide", "/claims",
        "/trends?days=36500", "/search?q=reference", "/compare", "/api/v1/runs", "/api/v1/health", "/runs/latest",
    ];

    private readonly DashboardFixture _dashboard = new();

    public Task InitializeAsync() => _dashboard.InitializeAsync();

    public Task DisposeAsync() => _dashboard.DisposeAsync();

    [Fact]
    public async Task Pages_NeverFall_OverMutatedRuns()
    {
        var random = new Random(17);
        using var made = new TemporaryDirectory();
        string[] ids;
        using (var store = ResultStore.Open(_dashboard.Results))
        {
            var taken = new List<string>();
            for (int i = 0; taken.Count < s_runs; i++)
            {
                string[] texts = MutatedRun.Make(random);
                string id = $"20261122-221000-reference-{i:x4}";
                string folder = made.Combine(id);
                Directory.CreateDirectory(folder);
                await File.WriteAllTextAsync(Path.Combine(folder, "run.json"),
                    texts[0].Replace("20261122-221000-reference-9f3a", id, StringComparison.Ordinal));
                await File.WriteAllTextAsync(Path.Combine(folder, "cells.jsonl"), string.Join('\n', texts[1..]) + "\n");
                try
                {
                    taken.Add(RunImport.Into(folder, store).RunId);
                }
                catch (StoreException)
                {
                    // Refused: the other answer that is right.
                }
            }

            ids = [.. taken];
        }

        await AssertPagesAsync(ids);
    }

    [Fact]
    public async Task Pages_NeverFall_OverBrokenRows()
    {
        await using (var connection = new SqliteConnection($"Data Source={Path.Combine(_dashboard.Results, "results.db")};Pooling=False"))
        {
            await connection.OpenAsync();
            await using SqliteCommand command = connection.CreateCommand();
            command.CommandText = $"""
                UPDATE runs SET info = replace(info, '"fingerprint":', '"x":') WHERE id = '{DashboardFixture.FirstRun}';
                UPDATE runs SET info = replace(info, '2026-11', '9999-11'), started_ms = 253402300799999
                    WHERE id = '{DashboardFixture.SecondRun}';
                UPDATE runs SET info = '' WHERE id LIKE '%5101';
                UPDATE cells SET seconds = 1e308, started_ms = 253402300799999;
                UPDATE measurements SET ci_low = -1e308, ci_high = 1e308, sd = 1e308 WHERE name LIKE 'p%';
                UPDATE measurements SET value = 1e308 WHERE name IN ('tg_tps', 'perplexity') AND id % 2 = 0;
                """;
            Assert.True(await command.ExecuteNonQueryAsync() > 10);
        }

        await AssertPagesAsync([DashboardFixture.FirstRun, DashboardFixture.SecondRun]);
        using HttpClient client = _dashboard.Client();
        Assert.Contains("be read", await client.GetStringAsync("/runs"), StringComparison.Ordinal);
    }

    private async Task AssertPagesAsync(string[] ids)
    {
        using HttpClient client = await _dashboard.ClientAsync(Role.Viewer);
        string[] more =
        [
            .. ids.SelectMany(id => (string[])[$"/runs/{id}", $"/api/v1/runs/{id}", $"/api/v1/runs/{id}/cells"]),
            .. ids.Zip(ids.Skip(1)).Select(p => $"/compare?a={p.First}&b={p.Second}"),
            .. ids.Take(10).SelectMany(id => (string[])[$"/runs/{id}?metric=tg_tps", $"/api/v1/runs/{id}/export?format=csv",
                $"/api/v1/runs/{id}/matrix.csv?metric=perplexity"]),
            "/machines/4a5b6c7d8e9f0a1b", "/models/reference",
        ];
        foreach (string address in s_pages.Concat(more))
        {
            using HttpResponseMessage answer = await client.GetAsync(address);
            Assert.True(answer.StatusCode < HttpStatusCode.InternalServerError,
                $"{address}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
        }
    }
}
