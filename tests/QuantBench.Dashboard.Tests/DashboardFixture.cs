using System.Net;
using System.Text.RegularExpressions;
using QuantBench.Core.Cells;
using QuantBench.Core.Runs;
using QuantBench.Dashboard.Accounts;
using QuantBench.Dashboard.Hosting;
using QuantBench.Lab;
using QuantBench.Lab.Accounts;
using QuantBench.Lab.Queue;
using QuantBench.Lab.State;
using QuantBench.Results.Folders;
using QuantBench.SampleData;
using QuantBench.TestKit;

namespace QuantBench.Dashboard.Tests;

#pragma warning disable CA1001 // Types that own disposable fields should be disposable: xunit calls DisposeAsync.
/// <summary>A real server on a free port over two runs, with an account and a key of each role.</summary>
public sealed partial class DashboardFixture : IAsyncLifetime
#pragma warning restore CA1001
{
    public const string Password = "correct horse battery";
    public const string FirstRun = "20261122-221000-reference-9f3a";
    public const string SecondRun = "20261122-231000-reference-51ab";

    private readonly TemporaryDirectory _directory = new();

    public DashboardHost Host { get; private set; } = null!;

    public string Results => _directory.Combine("results");

    public string Suites => _directory.Combine("suites");

    public LabDatabase Lab { get; private set; } = null!;

    public Dictionary<Role, string> Keys { get; } = [];

    public async Task InitializeAsync()
    {
        Record(SampleRun.Make(FirstRun));
        RunRecord second = SampleRun.Make(SecondRun, speed: 0.9, seed: 8);
        Record(second
            with
        {
            Info = second.Info
                with
            { Started = second.Info.Started.AddHours(1), Finished = second.Info.Started.AddHours(1).AddMinutes(4) }
        });
        DriftRuns.Record(Results, DriftRuns.Make());
        ServedRun.Record(Results);
        Directory.CreateDirectory(Suites);
        File.Copy(RepositoryRoot.Combine("suites", "reference.yaml"), Path.Combine(Suites, "reference.yaml"));
        File.Copy(RepositoryRoot.Combine("suites", "quick.yaml"), Path.Combine(Suites, "quick.yaml"));
        File.Copy(RepositoryRoot.Combine("suites", "claims.yaml"), Path.Combine(Suites, "claims.yaml"));
        Directory.CreateDirectory(Path.Combine(Suites, "profiles"));
        foreach (string profile in Directory.EnumerateFiles(RepositoryRoot.Combine("suites", "profiles")))
            File.Copy(profile, Path.Combine(Suites, "profiles", Path.GetFileName(profile)));
        await File.WriteAllTextAsync(Path.Combine(Suites, "broken.yaml"), "suite: broken\nvariants: [gguf:Q4_K_X]\n");
        Lab = LabDatabase.Open(Results);
        var accounts = new AccountStore(Lab);
        foreach (Role role in Enum.GetValues<Role>())
        {
            // Agents have keys only.
            if (role != Role.Agent)
                Assert.True(accounts.Add(AccountMaker.Make(Policies.Name(role), Password, role, TimeProvider.System)));
            Keys[role] = new ApiKeyStore(Lab, TimeProvider.System).Create("test", "test", role).Key;
        }

        Host = await DashboardHost.StartAsync(
            new DashboardOptions
            {
                Lab = new LabOptions { ResultsRoot = Results, SuitesDirectory = Suites, CacheRoot = _directory.Combine("cache") },
                Version = "test",
                Port = 0,
                UploadBytes = 4 << 20,
                LoginsPerMinute = 10_000,
                ChangesPerMinute = 10_000,
                Launcher = new NoLauncher(),
            },
            CancellationToken.None);
    }

    public async Task DisposeAsync()
    {
        await Host.DisposeAsync();
        _directory.Dispose();
    }

    /// <summary>A client that keeps cookies and doesn't follow redirects.</summary>
    public HttpClient Client() =>
        new(new HttpClientHandler { AllowAutoRedirect = false, CookieContainer = new CookieContainer() })
        {
            BaseAddress = new Uri(Host.Address)
        };

    /// <summary>A client that has logged in.</summary>
    public async Task<HttpClient> ClientAsync(Role role)
    {
        HttpClient client = Client();
        using HttpResponseMessage answer =
            await PostAsync(client, "/login", "/actions/login", ("name", Policies.Name(role)), ("password", Password));
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.Equal("/", answer.Headers.Location?.OriginalString);
        return client;
    }

    /// <summary>A client with a key.</summary>
    public HttpClient ClientWithKey(Role role)
    {
        HttpClient client = Client();
        client.DefaultRequestHeaders.Authorization = new("Bearer", Keys[role]);
        return client;
    }

    /// <summary>Sends a form as a page does, with the page's token.</summary>
    public static async Task<HttpResponseMessage> PostAsync(HttpClient client, string page, string action,
        params (string Name, string Value)[] fields)
    {
        string html = await client.GetStringAsync(page);
        string token = Token().Match(html).Groups["token"].Value;
        Assert.NotEmpty(token);
        using var form = new FormUrlEncodedContent(
            fields.Select(f => KeyValuePair.Create(f.Name, f.Value)).Append(KeyValuePair.Create("__RequestVerificationToken", token)));
        return await client.PostAsync(action, form);
    }

    private void Record(RunRecord record)
    {
        using RunFolder folder = RunFolder.Create(Results, record.Info with { Status = RunStatus.Running });
        foreach (CellResult cell in record.Cells) folder.Append(cell);
        File.WriteAllText(folder.LogPath(record.Cells[^1].Cell.Id), "loading\nthe last line of the log\n");
        folder.Update(record.Info);
    }

    [GeneratedRegex("name=\"__RequestVerificationToken\" value=\"(?<token>[^\"]+)\"")]
    private static partial Regex Token();

    // What is queued stays queued: these tests are about who may queue.
    private sealed class NoLauncher : IRunLauncher
    {
        public async Task<LaunchedRun> RunAsync(LaunchRequest request, Action<string> started, CancellationToken cancellationToken)
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
            throw new InvalidOperationException("unreachable");
        }
    }
}
