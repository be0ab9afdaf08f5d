using System.Net;
using QuantBench.Core.Cells;
using QuantBench.Core.Runs;
using QuantBench.Dashboard.Accounts;
using QuantBench.Dashboard.Hosting;
using QuantBench.Lab;
using QuantBench.Lab.Accounts;
using QuantBench.Lab.State;
using QuantBench.Results.Folders;
using QuantBench.SampleData;
using QuantBench.TestKit;

namespace QuantBench.Dashboard.Tests.Api;

/// <summary>Deleting a run on its page, on a server of its own.</summary>
public sealed class RunDeletionTests : IAsyncLifetime, IDisposable
{
    private const string Doomed = "20261122-221000-reference-9f3a";
    private const string Busy = "20261122-231000-reference-9f3b";

    private readonly TemporaryDirectory _directory = new();
    private DashboardHost _host = null!; // set before each test
    private RunFolder? _writer;

    private string Results => _directory.Combine("results");

    public async Task InitializeAsync()
    {
        Record(Doomed).Dispose();
        _writer = Record(Busy);
        var accounts = new AccountStore(LabDatabase.Open(Results));
        foreach (Role role in Enum.GetValues<Role>().Where(r => r != Role.Agent))
            Assert.True(accounts.Add(AccountMaker.Make(Policies.Name(role), DashboardFixture.Password, role, TimeProvider.System)));
        _host = await DashboardHost.StartAsync(
            new DashboardOptions
            {
                Lab = new LabOptions { ResultsRoot = Results, SuitesDirectory = _directory.Path, CacheRoot = _directory.Path },
                Version = "test",
                Port = 0,
            },
            CancellationToken.None);
    }

    public async Task DisposeAsync()
    {
        _writer?.Dispose();
        await _host.DisposeAsync();
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Admins_MoveARunToTheTrash_AndTheAuditLogKnows()
    {
        using HttpClient admin = await ClientAsync(Role.Admin);
        Assert.Contains("/actions/runs/delete", await admin.GetStringAsync($"/runs/{Doomed}"), StringComparison.Ordinal);

        using HttpResponseMessage answer =
            await DashboardFixture.PostAsync(admin, $"/runs/{Doomed}", "/actions/runs/delete", ("run", Doomed));

        Assert.Equal("/runs", answer.Headers.Location?.OriginalString);
        Assert.True(Directory.Exists(Path.Combine(Results, ".trash", Doomed)));
        Assert.False(Directory.Exists(Path.Combine(Results, Doomed)));
        AuditEntry line = Assert.Single(new AuditLog(LabDatabase.Open(Results), TimeProvider.System).Read("run.remove"));
        Assert.Equal(("admin", Doomed), (line.Actor, line.Object));
        using HttpResponseMessage gone = await admin.GetAsync($"/api/v1/runs/{Doomed}");
        Assert.Equal(HttpStatusCode.NotFound, gone.StatusCode);
    }

    [Theory]
    [InlineData(Role.Viewer)]
    [InlineData(Role.Operator)]
    public async Task Others_SeeNoButton_AndAreRefused(Role role)
    {
        using HttpClient client = await ClientAsync(role);
        Assert.DoesNotContain("/actions/runs/delete", await client.GetStringAsync($"/runs/{Doomed}"), StringComparison.Ordinal);

        using HttpResponseMessage answer = await DashboardFixture.PostAsync(client, "/settings", "/actions/runs/delete", ("run", Doomed));

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.True(Directory.Exists(Path.Combine(Results, Doomed)));
    }

    [Theory]
    [InlineData(Busy, "is measuring it")]
    [InlineData("no-such-run", "there is no such run")]
    [InlineData("../results", "there is no such run")]
    public async Task RunsThatCantBe_StayWithTheReason(string run, string reason)
    {
        using HttpClient admin = await ClientAsync(Role.Admin);

        using HttpResponseMessage answer = await DashboardFixture.PostAsync(admin, "/settings", "/actions/runs/delete", ("run", run));

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains(reason, await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.True(Directory.Exists(Path.Combine(Results, Busy)));
    }

    private RunFolder Record(string id)
    {
        RunRecord run = SampleRun.Make(id);
        RunFolder folder = RunFolder.Create(Results, run.Info with { Status = RunStatus.Running });
        foreach (CellResult cell in run.Cells) folder.Append(cell);
        if (id == Doomed) folder.Update(run.Info);
        return folder;
    }

    private async Task<HttpClient> ClientAsync(Role role)
    {
        var client = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, CookieContainer = new CookieContainer() })
        {
            BaseAddress = new Uri(_host.Address),
        };
        using HttpResponseMessage answer = await DashboardFixture.PostAsync(
            client, "/login", "/actions/login", ("name", Policies.Name(role)), ("password", DashboardFixture.Password));
        Assert.Equal("/", answer.Headers.Location?.OriginalString);
        return client;
    }
}
