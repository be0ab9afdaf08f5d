using System.Net;
using QuantBench.Core.Errors;
using QuantBench.Dashboard.Accounts;
using QuantBench.Dashboard.Hosting;
using QuantBench.Lab;
using QuantBench.Lab.Accounts;
using QuantBench.Lab.State;
using QuantBench.TestKit;

namespace QuantBench.Dashboard.Tests.Accounts;

public sealed class PublicListeningTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private DashboardOptions Public => new()
    {
        Lab = new LabOptions
        {
            ResultsRoot = _directory.Combine("results"),
            SuitesDirectory = _directory.Path,
            CacheRoot = _directory.Path
        },
        Version = "test",
        Address = IPAddress.Any,
        Port = 0,
    };

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Start_Refuses_WithoutAccounts()
    {
        RequestException e = await Assert.ThrowsAsync<RequestException>(() => DashboardHost.StartAsync(Public, CancellationToken.None));

        Assert.Contains("accounts add", e.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reading_NeedsALogin_WhenPublic()
    {
        new AccountStore(LabDatabase.Open(_directory.Combine("results")))
            .Add(AccountMaker.Make("ada", DashboardFixture.Password, Role.Admin, TimeProvider.System));
        await using DashboardHost host = await DashboardHost.StartAsync(Public, CancellationToken.None);
        using var client = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false })
        {
            BaseAddress = new UriBuilder(host.Address) { Host = "localhost" }.Uri
        };

        foreach (string page in (string[])["/", "/runs", "/models", "/settings"])
        {
            using HttpResponseMessage answer = await client.GetAsync(page);
            Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
            Assert.Contains("/login", answer.Headers.Location?.OriginalString, StringComparison.Ordinal);
        }

        Assert.Equal(HttpStatusCode.Unauthorized, (await client.GetAsync("/api/v1/runs")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/api/v1/health")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/login")).StatusCode);
    }

    [Fact]
    public async Task Login_IsSlowedDown_WhenTriedTooOften()
    {
        new AccountStore(LabDatabase.Open(_directory.Combine("results")))
            .Add(AccountMaker.Make("ada", DashboardFixture.Password, Role.Admin, TimeProvider.System));
        await using DashboardHost host =
            await DashboardHost.StartAsync(Public with { Address = IPAddress.Loopback, LoginsPerMinute = 2 }, CancellationToken.None);
        using var client = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = new Uri(host.Address) };
        var answers = new List<HttpStatusCode>();
        for (int i = 0; i < 3; i++)
        {
            using HttpResponseMessage answer =
                await DashboardFixture.PostAsync(client, "/login", "/actions/login", ("name", "nobody"), ("password", "x"));
            answers.Add(answer.StatusCode);
        }

        Assert.Equal([HttpStatusCode.Redirect, HttpStatusCode.Redirect, HttpStatusCode.TooManyRequests], answers);
    }

    [Fact]
    public async Task Setup_MakesTheFirstAdmin_OnlyWithTheCode_AndOnce()
    {
        await using DashboardHost host =
            await DashboardHost.StartAsync(Public with { Address = IPAddress.Loopback }, CancellationToken.None);
        using var client = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = new Uri(host.Address) };
        var accounts = new AccountStore(LabDatabase.Open(_directory.Combine("results")));
        Assert.NotNull(host.BootstrapCode);

        (await DashboardFixture.PostAsync(client, "/setup", "/actions/setup", ("code", "guess"), ("name", "eve"),
            ("password", DashboardFixture.Password))).Dispose();
        Assert.False(accounts.Any());
        (await DashboardFixture.PostAsync(client, "/setup", "/actions/setup", ("code", host.BootstrapCode), ("name", "ada"),
            ("password", DashboardFixture.Password))).Dispose();

        Account ada = Assert.Single(accounts.List());
        Assert.Equal((Role.Admin, "ada"), (ada.Role, ada.Name));
        Assert.DoesNotContain(DashboardFixture.Password, ada.PasswordHash, StringComparison.Ordinal);
        string page = await client.GetStringAsync("/setup");
        Assert.DoesNotContain("action=\"/actions/setup\"", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cookies_AreSecure_OverTls()
    {
        using var rsa = System.Security.Cryptography.RSA.Create(2048);
        using System.Security.Cryptography.X509Certificates.X509Certificate2 certificate =
            new System.Security.Cryptography.X509Certificates.CertificateRequest("CN=localhost", rsa,
                System.Security.Cryptography.HashAlgorithmName.SHA256, System.Security.Cryptography.RSASignaturePadding.Pkcs1)
                .CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.MaxValue);
        await File.WriteAllTextAsync(_directory.Combine("cert.pem"), certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(_directory.Combine("key.pem"), rsa.ExportPkcs8PrivateKeyPem());
        new AccountStore(LabDatabase.Open(_directory.Combine("results")))
            .Add(AccountMaker.Make("ada", DashboardFixture.Password, Role.Admin, TimeProvider.System));
        await using DashboardHost host = await DashboardHost.StartAsync(
            Public with
            {
                Address = IPAddress.Loopback,
                CertificateFile = _directory.Combine("cert.pem"),
                CertificateKeyFile = _directory.Combine("key.pem")
            },
            CancellationToken.None);
        using var handler = new HttpClientHandler { AllowAutoRedirect = false };
        handler.ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator;
        using var client = new HttpClient(handler) { BaseAddress = new Uri(host.Address) };
        using HttpResponseMessage page = await client.GetAsync("/login");
        using HttpResponseMessage login =
            await DashboardFixture.PostAsync(client, "/login", "/actions/login", ("name", "ada"), ("password", DashboardFixture.Password));

        string[] cookies = [.. page.Headers.GetValues("Set-Cookie"), .. login.Headers.GetValues("Set-Cookie")];

        Assert.Superset(new HashSet<string> { "qb-form", "qb-login", "qb-known" }, cookies.Select(c => c.Split('=')[0]).ToHashSet());
        Assert.All(cookies, c => Assert.Contains("; secure", c, StringComparison.OrdinalIgnoreCase));
        Assert.All(cookies, c => Assert.Contains("; httponly", c, StringComparison.OrdinalIgnoreCase));
    }
}
