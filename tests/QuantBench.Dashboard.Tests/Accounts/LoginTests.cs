using System.Net;
using QuantBench.Dashboard.Accounts;
using QuantBench.Dashboard.Hosting;
using QuantBench.Lab;
using QuantBench.Lab.Accounts;
using QuantBench.Lab.State;
using QuantBench.TestKit;

namespace QuantBench.Dashboard.Tests.Accounts;

public sealed class LoginTests : IAsyncLifetime, IDisposable
{
    private const string Counts = "[0-9]<span class=\"sr\">\\s*entries";
    private const string Password = DashboardFixture.Password;

    private readonly TemporaryDirectory _directory = new();
    private AccountStore _accounts = null!; // set before each test
    private DashboardHost _host = null!;

    public async Task InitializeAsync()
    {
        _accounts = new AccountStore(LabDatabase.Open(_directory.Combine("results")));
        foreach ((string name, Role role) in ((string, Role)[])[("ada", Role.Admin), ("bob", Role.Operator)])
            Assert.True(_accounts.Add(AccountMaker.Make(name, Password, role, TimeProvider.System)));
        _host = await DashboardHost.StartAsync(
            new DashboardOptions
            {
                Lab = new LabOptions
                {
                    ResultsRoot = _directory.Combine("results"),
                    SuitesDirectory = _directory.Path,
                    CacheRoot = _directory.Path
                },
                Version = "test",
                Port = 0,
                LoginToRead = true,
                LoginsPerMinute = 10_000,
            },
            CancellationToken.None);
    }

    public async Task DisposeAsync() => await _host.DisposeAsync();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Login_Ends_WithItsAccountOrRole_AndTheBrowserGoesOn(bool removed)
    {
        using HttpClient client = Client();
        await LoginAsync(client, "bob", Password);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(client, "/runs"));
        Account bob = _accounts.FindByName(AccountMaker.Normalize("bob"))!; // just made

        if (removed) Assert.True(_accounts.Remove(bob.Id));
        else
        {
            bob.Role = Role.Viewer;
            Assert.True(_accounts.Update(bob));
        }

        using HttpResponseMessage runs = await client.GetAsync("/runs");
        Assert.Equal(HttpStatusCode.Redirect, runs.StatusCode);
        Assert.StartsWith(_host.Address + "/login", runs.Headers.Location?.ToString(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(client, "/login"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(client, "/api/v1/health"));
        if (removed) return;
        await LoginAsync(client, "bob", Password);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(client, "/runs"));
    }

    [Fact]
    public async Task LogOut_EndsTheCookieOnTheServer_AndNoOtherLogin()
    {
        var jar = new CookieContainer();
        using HttpClient client = Client(jar);
        using HttpClient elsewhere = Client();
        await LoginAsync(client, "ada", Password);
        await LoginAsync(elsewhere, "ada", Password);
        string stolen = jar.GetCookieHeader(new Uri(_host.Address));

        using HttpResponseMessage _ = await DashboardFixture.PostAsync(client, "/runs", "/actions/logout");

        using HttpClient thief = Client();
        thief.DefaultRequestHeaders.Add("Cookie", stolen);
        Assert.Equal(HttpStatusCode.Redirect, await StatusAsync(thief, "/runs"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(elsewhere, "/runs"));
    }

    [Fact]
    public async Task WrongPasswords_LockOutWhoGuesses_ButNotABrowserThatIsKnown_AndTellNoNames()
    {
        using HttpClient known = Client();
        await LoginAsync(known, "ada", Password);
        using HttpClient stranger = Client();
        foreach (string name in (string[])["ada", "nobody"])
        {
            for (int i = 0; i < 5; i++)
                Assert.EndsWith("failed=wrong", await LoginAsync(stranger, name, "wrong"), StringComparison.Ordinal);
            // Also with the right password, and alike whether there is such an account.
            Assert.EndsWith("failed=locked", await LoginAsync(stranger, name, Password), StringComparison.Ordinal);
        }

        Assert.Equal("/", await LoginAsync(known, "ada", Password));
        // Its sign is good for its own account only.
        for (int i = 0; i < 5; i++) await LoginAsync(known, "bob", "wrong");
        Assert.EndsWith("failed=locked", await LoginAsync(known, "bob", Password), StringComparison.Ordinal);
        Assert.Equal("/", await LoginAsync(known, "ada", Password));
    }

    [Fact]
    public async Task Password_IsChangedByItsOwner_AndOtherLoginsEnd()
    {
        const string Next = "another long password";
        using HttpClient client = Client();
        using HttpClient elsewhere = Client();
        await LoginAsync(client, "bob", Password);
        await LoginAsync(elsewhere, "bob", Password);

        Assert.Contains("Not%20changed", await ChangeAsync(client, "a wrong password", Next), StringComparison.Ordinal);
        Assert.Contains("Not%20changed", await ChangeAsync(client, Password, "short"), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(elsewhere, "/runs"));
        Assert.Contains("was%20changed", await ChangeAsync(client, Password, Next), StringComparison.Ordinal);

        Assert.Equal(HttpStatusCode.OK, await StatusAsync(client, "/runs"));
        Assert.Equal(HttpStatusCode.Redirect, await StatusAsync(elsewhere, "/runs"));
        Assert.EndsWith("failed=wrong", await LoginAsync(elsewhere, "bob", Password), StringComparison.Ordinal);
        Assert.Equal("/", await LoginAsync(elsewhere, "bob", Next));
        using HttpClient nobody = Client();
        using HttpResponseMessage refused =
            await DashboardFixture.PostAsync(nobody, "/login", "/actions/password", ("now", Next), ("password", Password));
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);

        static async Task<string> ChangeAsync(HttpClient client, string now, string next)
        {
            using HttpResponseMessage answer =
                await DashboardFixture.PostAsync(client, "/settings", "/actions/password", ("now", now), ("password", next));
            return answer.Headers.Location?.OriginalString ?? answer.StatusCode.ToString();
        }
    }

    [Fact]
    public async Task Anonymous_SeeNoCounts_NorWhoseMachineItIs()
    {
        using HttpClient client = Client();

        string html = await client.GetStringAsync("/login");

        Assert.DoesNotMatch(Counts, html);
        Assert.DoesNotContain("local store", html, StringComparison.Ordinal);
        await LoginAsync(client, "bob", Password);
        string inside = await client.GetStringAsync("/runs");
        Assert.Matches(Counts, inside);
        Assert.Contains("local store", inside, StringComparison.Ordinal);
    }

    private HttpClient Client(CookieContainer? jar = null) => new(
        new HttpClientHandler { AllowAutoRedirect = false, UseCookies = true, CookieContainer = jar ?? new CookieContainer() })
    {
        BaseAddress = new Uri(_host.Address)
    };

    private static async Task<string?> LoginAsync(HttpClient client, string name, string password)
    {
        using HttpResponseMessage answer =
            await DashboardFixture.PostAsync(client, "/login", "/actions/login", ("name", name), ("password", password));
        return answer.Headers.Location?.OriginalString;
    }

    private static async Task<HttpStatusCode> StatusAsync(HttpClient client, string address)
    {
        using HttpResponseMessage answer = await client.GetAsync(address);
        return answer.StatusCode;
    }
}
