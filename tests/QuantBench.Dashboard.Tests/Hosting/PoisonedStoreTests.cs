using System.Net;
using Microsoft.Data.Sqlite;
using QuantBench.Dashboard.Hosting;
using QuantBench.Lab;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;
using QuantBench.SampleData;
using QuantBench.TestKit;

namespace QuantBench.Dashboard.Tests.Hosting;

/// <summary>Rows that an earlier version let in, or a hand put there: they bring no page down, and the other runs are shown.</summary>
public sealed class PoisonedStoreTests : IDisposable
{
    private const string Good = DashboardFixture.FirstRun;
    private const string OfRun = "WHERE cell_row_id IN (SELECT id FROM cells WHERE run_id = $1)";
    private const string Bad = DashboardFixture.SecondRun;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("UPDATE runs SET info = json_set(info, '$.fingerprint', NULL) WHERE id = $1")]
    [InlineData("UPDATE runs SET info = json_set(info, '$.fingerprint', json('{}')) WHERE id = $1")]
    [InlineData("UPDATE runs SET info = json_set(info, '$.tags', json('[null]')) WHERE id = $1")]
    [InlineData("UPDATE runs SET info = json_set(info, '$.tags', NULL, '$.engines', NULL) WHERE id = $1")]
    [InlineData("UPDATE runs SET info = json_set(info, '$.fingerprint.engines', json('[null]')) WHERE id = $1")]
    [InlineData("UPDATE runs SET info = json_set(info, '$.started', '9999-12-31T23:59:59.9999999+00:00') WHERE id = $1")]
    [InlineData("UPDATE runs SET info = json_set(info, '$.started', '0001-01-01T00:00:00+00:00') WHERE id = $1")]
    [InlineData("UPDATE runs SET info = '{}' WHERE id = $1")]
    [InlineData("UPDATE runs SET info = 'nonsense' WHERE id = $1")]
    [InlineData("UPDATE runs SET info = '' WHERE id = $1")]
    [InlineData("UPDATE runs SET started_ms = 9223372036854775807 WHERE id = $1")]
    [InlineData("UPDATE runs SET started_ms = -9223372036854775807, finished_ms = 9223372036854775807 WHERE id = $1")]
    [InlineData("UPDATE runs SET started_ms = 253402300799999 WHERE id = $1")] // the end of the year 9999
    [InlineData("UPDATE runs SET status = 'odd', cell_count = -7 WHERE id = $1")]
    [InlineData("UPDATE runs SET cell_count = 2147483647 WHERE id = $1")]
    [InlineData("UPDATE cells SET seconds = 1e308 WHERE run_id = $1")]
    [InlineData("UPDATE cells SET seconds = -1e308, started_ms = 9223372036854775807 WHERE run_id = $1")]
    [InlineData("UPDATE cells SET details = 'nonsense' WHERE run_id = $1")]
    [InlineData("UPDATE cells SET details = 'null' WHERE run_id = $1")]
    [InlineData("UPDATE cells SET status = 'odd' WHERE run_id = $1")]
    [InlineData("UPDATE cells SET variant = '???', backend = '???', workload = '???', settings = '???' WHERE run_id = $1")]
    [InlineData("UPDATE measurements SET value = 1e308, ci_low = -1e308, ci_high = 1e308 " + OfRun)]
    [InlineData("UPDATE measurements SET value = 9e999, mean = 9e999, sd = 9e999, ci_high = 9e999 " + OfRun)]
    [InlineData("UPDATE measurements SET value = -1e308, n = 9223372036854775807, min = 1e308, max = -1e308 " + OfRun)]
    [InlineData("UPDATE measurements SET value = 5e-324, sd = 1e308 " + OfRun)]
    [InlineData("UPDATE measurements SET name = 'odd', direction = 'odd', notes = 'nonsense' " + OfRun)]
    [InlineData("UPDATE samples SET data = x'00' WHERE measurement_id IN (SELECT id FROM measurements " + OfRun + ")")]
    public async Task Pages_AreThere_WhateverARowHolds(string poison)
    {
        string results = _directory.Combine("results");
        using (ResultStore store = ResultStore.Open(results))
        {
            RunRecord good = SampleRun.Make(Good);
            RunRecord bad = SampleRun.Make(Bad, speed: 0.9, seed: 8);
            // Made on another machine: the store is all there is of it.
            store.IndexWhole(good.Info, Good, good.Cells);
            store.IndexWhole(bad.Info with { Started = bad.Info.Started.AddHours(1) }, Bad, bad.Cells);
        }

        using (var connection = new SqliteConnection($"Data Source={Path.Combine(results, ResultStore.FileName)};Pooling=false"))
        {
            connection.Open();
            using SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // Review SQL for injection: tests' own constants.
            command.CommandText = poison;
#pragma warning restore CA2100
            command.Parameters.AddWithValue("$1", Bad);
            Assert.True(command.ExecuteNonQuery() > 0, "nothing was poisoned");
        }

        await using DashboardHost host = await DashboardHost.StartAsync(
            new DashboardOptions
            {
                Lab = new LabOptions
                {
                    ResultsRoot = results,
                    SuitesDirectory = RepositoryRoot.Combine("suites"),
                    CacheRoot = _directory.Combine("cache")
                },
                Version = "test",
                Port = 0,
            },
            CancellationToken.None);
        using var client = new HttpClient { BaseAddress = new Uri(host.Address), Timeout = TimeSpan.FromSeconds(20) };
        List<string> wrong = [];
        foreach (string page in (string[])
        [
            "/", "/runs", $"/runs/{Good}", $"/runs/{Bad}", "/runs/latest", $"/compare?a={Good}&b={Bad}", "/decide",
            $"/decide?run={Bad}", "/trends?days=36500", "/trends?days=36500&axis=runs", "/claims", $"/claims?run={Bad}", "/machines",
            "/machines/4a5b6c7d8e9f0a1b", "/models", "/models/reference", "/suites", "/suites/quick", "/search?q=reference", "/settings",
            "/runs?sort=suite&dir=asc", "/runs?q=reference", "/api/v1/runs", $"/api/v1/runs/{Bad}", "/api/v1/machines", "/api/v1/models",
            "/api/v1/health", "/api/v1/metrics",
        ])
        {
            try
            {
                using HttpResponseMessage answer = await client.GetAsync(page);
                string html = await answer.Content.ReadAsStringAsync();
                if ((int)answer.StatusCode >= 500) wrong.Add($"{page}: {(int)answer.StatusCode}");
                if (page is "/runs" or "/api/v1/runs" && !html.Contains(Good, StringComparison.Ordinal))
                    wrong.Add($"{page}: the good run isn't there");
                if (page == $"/runs/{Good}" && answer.StatusCode != HttpStatusCode.OK) wrong.Add($"{page}: {(int)answer.StatusCode}");
            }
            catch (TaskCanceledException)
            {
                wrong.Add($"{page}: no answer");
                break;
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }
}
