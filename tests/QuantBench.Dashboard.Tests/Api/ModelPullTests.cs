using System.Net;
using System.Security.Cryptography;
using Microsoft.Extensions.DependencyInjection;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Lab.Accounts;
using QuantBench.Lab.Agents;
using QuantBench.Lab.Agents.Edge;
using QuantBench.Lab.Queue;
using QuantBench.Models.Sources;
using QuantBench.TestKit;

namespace QuantBench.Dashboard.Tests.Api;

/// <summary>Models that come from the server to a machine that lacks them.</summary>
[Collection(DashboardCollection.Name)]
public sealed class ModelPullTests(DashboardFixture dashboard) : IDisposable
{
    private readonly TemporaryDirectory _machine = new();

    public void Dispose() => _machine.Dispose();

    [Fact]
    public async Task Model_IsPulledByContent_GoesOnWhereItBroke_AndIsWhatTheServerHas()
    {
        Job job = await HoldAsync("pulled");
        using var link = new AgentLink(new Uri(dashboard.Host.Address), dashboard.Keys[Role.Agent]);
        string address = $"agent/jobs/{job.Id}/models/reference";
        AgentModel model = (await link.GetAsync<AgentModel>(address, default, CancellationToken.None))!;
        string source = RepositoryRoot.Combine("datasets", "reference-model");
        ModelCache cache = Cache(null);
        AgentFile weights = model.Files.Single(f => f.Path == "model.safetensors");
        string part = Path.Combine(_machine.Path, "pulled", model.Sha256, "files", weights.Path + ".part");
        Directory.CreateDirectory(Path.GetDirectoryName(part)!);
        byte[] bytes = await File.ReadAllBytesAsync(Path.Combine(source, weights.Path));

        // A first try broke off; half of what is here was damaged since, which only the hash can tell.
        await File.WriteAllBytesAsync(part, new byte[bytes.Length / 2]);
        RequestException e = await Assert.ThrowsAsync<RequestException>(
            () => cache.GetAsync(link, address, "/suites/m", model, CancellationToken.None));
        Assert.Contains("isn't what was announced", e.Message, StringComparison.Ordinal);
        Assert.Null(cache.Known("/suites/m"));
        await File.WriteAllBytesAsync(part, bytes[..(bytes.Length / 2)]);
        string path = await cache.GetAsync(link, address, "/suites/m", model, CancellationToken.None);

        ModelSource pulled = ModelSource.Open(path);
        Assert.Equal(ModelSource.Open(source).Sha256, pulled.Sha256);
        Assert.Equal(model.Sha256, pulled.Sha256);
        Assert.False(File.Exists(part));
        Assert.Equal(path, Cache(null).Known("/suites/m")); // without a link
        // Nothing is fetched again, even where nothing answers.
        using var nowhere = new AgentLink(new Uri("http://127.0.0.1:1"), "key");
        Assert.Equal(path, await Cache(null).GetAsync(nowhere, address, "/suites/m", model, CancellationToken.None));
        End(job);
    }

    [Fact]
    public async Task Model_ThatMachinesShare_IsUsedWhereItLies_AndOneOfAnotherContentIsNot()
    {
        Job job = await HoldAsync("shared");
        using var link = new AgentLink(new Uri(dashboard.Host.Address), dashboard.Keys[Role.Agent]);
        string address = $"agent/jobs/{job.Id}/models/reference";
        AgentModel model = (await link.GetAsync<AgentModel>(address, default, CancellationToken.None))!;
        string shared = Path.Combine(_machine.Path, "nfs", "models", "ref");
        Copy(RepositoryRoot.Combine("datasets", "reference-model"), shared);
        var cache = new ModelCache(_machine.Path, new ModelCacheLimits(null, _machine.Combine("nfs"), Hash), TimeProvider.System, _ => { });

        Assert.Equal(shared, await cache.GetAsync(link, address, "/suites/m", model, CancellationToken.None));
        Assert.False(Directory.Exists(Path.Combine(_machine.Path, "pulled", model.Sha256)));

        byte[] config = await File.ReadAllBytesAsync(Path.Combine(shared, "config.json"));
        config[^2] ^= 1;
        await File.WriteAllBytesAsync(Path.Combine(shared, "config.json"), config);
        Assert.StartsWith(_machine.Combine("pulled"), await cache.GetAsync(link, address, "/suites/m", model, CancellationToken.None),
            StringComparison.Ordinal);
        End(job);
    }

    [Fact]
    public async Task Quota_TakesWhatWasUsedLongestAgo_NeverWhatTheJobNames()
    {
        Job job = await HoldAsync("quota");
        using var link = new AgentLink(new Uri(dashboard.Host.Address), dashboard.Keys[Role.Agent]);
        string address = $"agent/jobs/{job.Id}/models/reference";
        AgentModel model = (await link.GetAsync<AgentModel>(address, default, CancellationToken.None))!;
        long size = model.Files.Sum(f => f.Bytes);
        string old = Path.Combine(_machine.Path, "pulled", new string('0', 64));
        Directory.CreateDirectory(Path.Combine(old, "files"));
        await File.WriteAllBytesAsync(Path.Combine(old, "files", "m.gguf"), new byte[size]);
        Directory.SetLastWriteTimeUtc(old, DateTime.UnixEpoch);

        string path = await Cache(size * 3 / 2).GetAsync(link, address, "/suites/m", model, CancellationToken.None);
        Assert.False(Directory.Exists(old));
        Assert.True(Directory.Exists(path));
        // Its own files aren't room for it.
        ModelCache small = Cache(size / 2);
        Assert.Equal(path, await small.GetAsync(link, address, "/suites/m", model, CancellationToken.None));
        small.Release();
        Assert.False(Directory.Exists(path));
        RequestException e = await Assert.ThrowsAsync<RequestException>(
            () => small.GetAsync(link, address, "/suites/m", model, CancellationToken.None));
        Assert.Contains("quota is", e.Message, StringComparison.Ordinal);
        End(job);
    }

    [Fact]
    public async Task Models_AreHandedOut_OnlyToWhoHoldsTheJob_AndOnlyWhatItsSuiteNames()
    {
        Job job = await HoldAsync("strangers");
        using HttpClient client = dashboard.ClientWithKey(Role.Agent);
        string root = "/api/v1/agent/jobs/";

        Assert.Equal(HttpStatusCode.OK, await StatusAsync($"{root}{job.Id}/models/reference"));
        Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync($"{root}{job.Id}/models/other"));
        Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync($"{root}{job.Id}/models/reference/files/{new string('0', 64)}"));
        Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync($"{root}{job.Id}/models/reference/files/..%2f..%2flab.db"));
        End(job);
        Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync($"{root}{job.Id}/models/reference"));
        using HttpClient viewer = dashboard.ClientWithKey(Role.Viewer);
        Assert.Equal(HttpStatusCode.Forbidden, (await viewer.GetAsync($"{root}{job.Id}/models/reference")).StatusCode);

        async Task<HttpStatusCode> StatusAsync(string path)
        {
            using HttpResponseMessage answer = await client.GetAsync(path);
            return answer.StatusCode;
        }
    }

    [Theory]
    [InlineData("../x")]
    [InlineData("/etc/passwd")]
    [InlineData("a/../../b")]
    [InlineData("")]
    public async Task Model_WhosePathsLeaveItsFolder_IsRefused(string path)
    {
        using var nowhere = new AgentLink(new Uri("http://127.0.0.1:1"), "key");
        var model = new AgentModel(new string('0', 64), null, [new AgentFile(path, 1, new string('0', 64))]);

        await Assert.ThrowsAsync<RequestException>(() => Cache(null).GetAsync(nowhere, "x", "/m", model, CancellationToken.None));
    }

    // A job that the machine of the fixture's key holds, of a suite beside which a model lies.
    private async Task<Job> HoldAsync(string name)
    {
        LabServer server = dashboard.Host.Services.GetRequiredService<LabServer>();
        for (int i = 0; !server.IsActive && i < 200; i++) await Task.Delay(50);
        string model = Path.Combine(dashboard.Suites, "pull-model");
        if (!Directory.Exists(model)) Copy(RepositoryRoot.Combine("datasets", "reference-model"), model);
        string file = Path.Combine(dashboard.Suites, $"pull-{name}.txt"); // no suite of the pages
        await File.WriteAllTextAsync(file, $$"""
            suite: pull-{{name}}
            models: [{ id: reference, source: ./pull-model }]
            variants: [gguf:F16]
            backends: [toy/cpu]
            workloads: [load]
            placement: { machines: [test] }
            """);
        var queue = new OccurrenceStore(dashboard.Lab, TimeProvider.System);
        JobStore jobs = dashboard.Host.Services.GetRequiredService<JobStore>();
        MachineStore machines = dashboard.Host.Services.GetRequiredService<MachineStore>();
        machines.Welcome("test", "key", new AgentHello(AgentHello.Current, "1.0", "i", []), "1.0");
        Occurrence asked = queue.Request(file, "test");
        jobs.Add(asked.Id, asked.Key, SuiteLoader.Load(file, EngineCatalog.None), [], [], ["test"]);
        return jobs.Claim(machines.Find("test")!, "i", name) ?? throw new InvalidOperationException("the job isn't given");
    }

    private void End(Job job)
    {
        dashboard.Host.Services.GetRequiredService<JobStore>().End(job.Id, "test", new AgentEnd(job.Epoch, "cancelled", null, null));
        var queue = new OccurrenceStore(dashboard.Lab, TimeProvider.System);
        if (queue.Find(job.Occurrence) is { State: OccurrenceState.Due or OccurrenceState.Running }) queue.Cancel(job.Occurrence);
    }

    private ModelCache Cache(long? quota) =>
        new(_machine.Path, new ModelCacheLimits(quota, null, Hash), TimeProvider.System, _ => { });

    private static string Hash(string file) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file)));

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.EnumerateFiles(from)) File.Copy(file, Path.Combine(to, Path.GetFileName(file)), overwrite: true);
    }
}
