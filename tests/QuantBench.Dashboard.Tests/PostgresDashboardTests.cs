using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using QuantBench.Core.Cells;
using QuantBench.Dashboard.Hosting;
using QuantBench.Lab;
using QuantBench.Lab.Accounts;
using QuantBench.Lab.State;
using QuantBench.Results.Exchange;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;
using QuantBench.SampleData;
using QuantBench.TestKit;
using QuantBench.TestKit.Databases;

namespace QuantBench.Dashboard.Tests;

/// <summary>A dashboard over a lab's PostgreSQL whose runs were made on other machines: not one of their folders is here.</summary>
public sealed class PostgresDashboardTests : IDisposable
{
    private const string FirstRun = DashboardFixture.FirstRun;
    private const string SecondRun = DashboardFixture.SecondRun;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [PostgresFact]
    public async Task Pages_ShowRunsOfOtherMachines_AndUploadsReachTheStore()
    {
        string database = PostgresServer.Shared.NewDatabase();
        StoreAddress address = StoreAddress.Parse(PostgresServer.Shared.AddressOf(database));
        using (ResultStore store = ResultStore.Open(_directory.Combine("elsewhere"), address))
        {
            RunRecord first = SampleRun.Make(FirstRun);
            RunRecord second = SampleRun.Make(SecondRun, speed: 0.9, seed: 8);
            store.IndexWhole(first.Info, FirstRun, first.Cells);
            store.IndexWhole(
                second.Info with { Started = second.Info.Started.AddHours(1), Finished = second.Info.Started.AddHours(1).AddMinutes(4) },
                SecondRun, second.Cells);
        }

        string results = _directory.Combine("results");
        string key = new ApiKeyStore(LabDatabase.Open(results), TimeProvider.System).Create("test", "test", Role.Operator).Key;
        await using DashboardHost host = await DashboardHost.StartAsync(
            new DashboardOptions
            {
                Lab = new LabOptions
                {
                    ResultsRoot = results,
                    Store = address,
                    SuitesDirectory = RepositoryRoot.Combine("suites"),
                    CacheRoot = _directory.Combine("cache")
                },
                Version = "test",
                Port = 0,
            },
            CancellationToken.None);
        using var client = new HttpClient { BaseAddress = new Uri(host.Address) };
        client.DefaultRequestHeaders.Authorization = new("Bearer", key);

        foreach ((string page, string expected) in ((string, string)[])
        [
            ("/", "What changed"), ("/runs?q=9f3a", "1 of "), ("/runs?status=failed&sort=suite&dir=asc", FirstRun),
            ("/runs?model=reference", SecondRun), ($"/runs/{FirstRun}", "Cells without a figure"),
            ("/runs/latest?metric=perplexity", "perplexity"), ("/machines", "bench-01"),
            ("/machines/4a5b6c7d8e9f0a1b", "Noise of the reference cell"), ("/models/reference", "gguf:Q4_K_M"),
            ("/suites/quick", "What would run"), ($"/compare?a={FirstRun}&b={SecondRun}", "95 % interval"),
            ("/decide", "Why the others lost"), ("/trends?days=3650", "All series"), ("/claims", "Verdict"),
            ("/search?q=reference", "hits"), ("/settings", "Theme"),
        ])
        {
            string html = await client.GetStringAsync(page);
            Assert.True(html.Contains(expected, StringComparison.Ordinal), $"{page} shows no '{expected}'");
        }

        JsonElement export = await client.GetFromJsonAsync<JsonElement>($"/api/v1/runs/{FirstRun}/export?format=json");
        RunRecord sample = SampleRun.Make(FirstRun);
        Assert.Equal(
            sample.Cells.SelectMany(c => c.Metrics).Sum(m => m.Samples?.Length ?? 0),
            export.GetProperty("cells").EnumerateArray().SelectMany(c => c.GetProperty("metrics").EnumerateArray())
                .Sum(m => m.TryGetProperty("samples", out JsonElement s) && s.ValueKind == JsonValueKind.Array ? s.GetArrayLength() : 0));
        // logs are where the run was made
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync($"/api/v1/runs/{FirstRun}/bundle")).StatusCode);

        const string third = "20261124-010000-reference-0c3d";
        using HttpResponseMessage uploaded = await client.PostAsync("/api/v1/runs", new ByteArrayContent(Bundle(third)));
        Assert.Equal(HttpStatusCode.Created, uploaded.StatusCode);
        using ResultStore again = ResultStore.Open(_directory.Combine("elsewhere"), address);
        Assert.Equal(sample.Cells.Length, again.ReadRecord(third)?.Cells.Length);
    }

    [PostgresFact]
    public async Task Pages_AndHealth_SayThatTheServerIsAway_WithoutItsPassword()
    {
        string database = PostgresServer.Shared.NewDatabase();
        string address =
            $"{PostgresServer.Shared.UrlOf(database)}?Pooling=false";
        await using DashboardHost host = await DashboardHost.StartAsync(
            new DashboardOptions
            {
                Lab = new LabOptions
                {
                    ResultsRoot = _directory.Combine("results"),
                    Store = StoreAddress.Parse(address),
                    SuitesDirectory = RepositoryRoot.Combine("suites"),
                    CacheRoot = _directory.Combine("cache")
                },
                Version = "test",
                Port = 0,
            },
            CancellationToken.None);
        using var client = new HttpClient { BaseAddress = new Uri(host.Address) };
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/api/v1/health")).StatusCode);

        PostgresServer.Shared.Execute("postgres",
            $"ALTER DATABASE {database} RENAME TO {database}_gone".Insert(0,
                $"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'; "));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await client.GetAsync("/api/v1/health")).StatusCode);
        using HttpResponseMessage runs = await client.GetAsync("/runs");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, runs.StatusCode);
        string page = await runs.Content.ReadAsStringAsync();
        using HttpResponseMessage answer = await client.GetAsync("/api/v1/runs");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        foreach (string text in (string[])[page, await answer.Content.ReadAsStringAsync()])
        {
            Assert.Contains("does not exist", text, StringComparison.Ordinal);
            Assert.DoesNotContain("w%rd", text, StringComparison.Ordinal);
        }
    }

    private byte[] Bundle(string run)
    {
        RunRecord record = SampleRun.Make(run);
        using (RunFolder folder = RunFolder.Create(_directory.Combine("made"), record.Info))
        {
            foreach (CellResult cell in record.Cells) folder.Append(cell);
        }

        using var bundle = new MemoryStream();
        RunBundle.Write(Path.Combine(_directory.Combine("made"), run), bundle);
        return bundle.ToArray();
    }
}
