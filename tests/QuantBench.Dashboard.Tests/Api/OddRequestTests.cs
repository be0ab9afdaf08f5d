using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using QuantBench.Dashboard.Api;
using QuantBench.Lab.Accounts;

namespace QuantBench.Dashboard.Tests.Api;

/// <summary>Whatever an address or a form holds: a proper answer, never a 500.</summary>
[Collection(DashboardCollection.Name)]
public sealed partial class OddRequestTests(DashboardFixture dashboard)
{
    private static readonly string[] s_odd = ["abc", "-1", "99999999999999999999", "1e9", "", "%00", "%0A", "%1B[31m", "é", "%FF", "../..",
        "%2e%2e%2f", "NaN", "'", "\"><script>", "a,b", "%E2%80%AE"];

    [Fact]
    public async Task Pages_HaveAnAnswer_ToEveryQuery()
    {
        using HttpClient client = dashboard.Client();
        string run = DashboardFixture.FirstRun;
        string[] addresses =
        [
            "/runs?page=", "/runs?q=", "/runs?status=", "/runs?sort=", "/runs?dir=", "/runs?cols=", "/runs?col=", "/runs?pick=",
            "/runs?model=", "/runs?machine=", "/trends?days=", "/trends?metric=", "/trends?machine=", "/trends?axis=", "/trends?cell=",
            "/trends?variant=", "/trends?review=", $"/runs/{run}?metric=", $"/runs/{run}?cell=", "/runs/", "/models/", "/machines/",
            "/suites/", "/search?q=", "/decide?run=", "/decide?x=", "/decide?y=", "/decide?profile=", "/decide?limit.rss_peak=",
            "/claims?run=", $"/compare?a={run}&b=", $"/compare?b={run}&a=", $"/compare?a={run}&b={DashboardFixture.SecondRun}&metric=",
            "/login?to=", "/login?failed=", "/settings?said=", "/settings?ticket=", "/?model=", $"/figures/runs/{run}/",
            "/figures/trends/trend-x.svg?days=", "/api/v1/runs?page=", "/api/v1/runs/", "/",
        ];
        List<string> wrong = [];

        foreach (string address in addresses)
        {
            foreach (string odd in s_odd)
            {
                using HttpResponseMessage answer = await client.GetAsync(address + odd);
                if ((int)answer.StatusCode >= 500) wrong.Add($"{address}{odd}: {(int)answer.StatusCode}");
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    /// <summary>Every page with any of the parameters that pages read, several at a time; <c>QB_FUZZ</c> says how many requests.</summary>
    [Fact]
    public async Task Pages_HaveAnAnswer_ToRandomQueries()
    {
        Type[] types = typeof(PageActions).Assembly.GetTypes();
        string[] pages = [.. types.SelectMany(t => t.GetCustomAttributes<RouteAttribute>()).Select(r => r.Template)
            .Where(r => r != "/error").Order(StringComparer.Ordinal)];
        string[] names = [.. types
            .SelectMany(t => t.GetProperties(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
            .Select(p => (Property: p.Name, Query: p.GetCustomAttribute<SupplyParameterFromQueryAttribute>()))
            .Where(p => p.Query is not null).Select(p => p.Query!.Name ?? p.Property).Distinct().Order(StringComparer.Ordinal)];
        Assert.True(pages.Length > 15 && names.Length > 25, $"{pages.Length} pages, {names.Length} parameters");
        string[] values = [.. s_odd, DashboardFixture.FirstRun, DashboardFixture.SecondRun, "reference", "gguf:Q4_K_M", "ppl", "tg_tps",
            "1",
            "0", "2147483648", "-0", "1e400", "true", "all", "%", "%F0%9F%98%80", new string('x', 3000)];
        int count = int.TryParse(Environment.GetEnvironmentVariable("QB_FUZZ"), out int asked) ? asked : 300;
        const int seed = 20260731;
        var random = new Random(seed);
        using HttpClient client = dashboard.Client();
        List<string> wrong = [];

        for (int i = 0; i < count; i++)
        {
            string page = Pick(pages).Replace("{Id}", Pick(values), StringComparison.Ordinal)
                .Replace("{Name}", Pick(values), StringComparison.Ordinal);
            string query = string.Join('&', Enumerable.Range(0, random.Next(1, 5)).Select(_ => $"{Pick(names)}={Pick(values)}"));
            using HttpResponseMessage answer = await client.GetAsync($"{page}?{query}");
            if ((int)answer.StatusCode >= 500) wrong.Add($"{page}?{query}: {(int)answer.StatusCode}");
        }

        Assert.True(wrong.Count == 0, $"seed {seed}:\n{string.Join('\n', wrong)}");

        string Pick(string[] from) => from[random.Next(from.Length)];
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/runs")]
    [InlineData("/runs/" + DashboardFixture.FirstRun)]
    [InlineData("/figures/runs/" + DashboardFixture.FirstRun + "/plot-perplexity.png")]
    [InlineData("/api/v1/runs")]
    [InlineData("/nowhere")]
    public async Task Head_IsGetWithoutItsBody(string address)
    {
        using HttpClient client = dashboard.Client();
        using HttpResponseMessage get = await client.GetAsync(address);
        using var request = new HttpRequestMessage(HttpMethod.Head, address);

        using HttpResponseMessage head = await client.SendAsync(request);

        Assert.Equal(get.StatusCode, head.StatusCode);
        Assert.Equal(get.Content.Headers.ContentType, head.Content.Headers.ContentType);
        Assert.Empty(await head.Content.ReadAsByteArrayAsync());
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/login")).StatusCode); // the connection is still good
    }

    [Theory]
    [InlineData("/runs?q=é", "/runs?q=%C3%A9")]
    [InlineData("/runs/\U0001F600", "/runs/%F0%9F%98%80")]
    [InlineData("/a%0d%0ab", "/a%0d%0ab")]
    [InlineData("//elsewhere", "/")]
    [InlineData("/\\elsewhere", "/")]
    [InlineData("/a\r\nSet-Cookie: x=y", "/")]
    [InlineData("https://elsewhere/", "/")]
    public async Task Login_LeadsOnlyToAddressesThatAHeaderHolds(string to, string expected)
    {
        Assert.Equal(expected, PageActions.Local(to));

        using HttpClient client = dashboard.Client();
        using HttpResponseMessage answer = await DashboardFixture.PostAsync(client, "/login", "/actions/login",
            ("name", "admin"), ("password", DashboardFixture.Password), ("to", to));
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
    }

    [Fact]
    public async Task RawBytes_HaveAnAnswer()
    {
        var address = new Uri(dashboard.Host.Address);
        string[] targets = ["/runs\u0001", "/runs/%", "/%zz", "/runs?page=%", "/\u00e9", "*", "/runs?q=" + new string('a', 7000)];
        foreach (string target in targets)
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync("localhost", address.Port);
            await using NetworkStream stream = socket.GetStream();
            await stream.WriteAsync(Encoding.Latin1.GetBytes($"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
            using var reader = new StreamReader(stream);
            string status = await reader.ReadLineAsync() ?? "";
            Assert.Matches("^HTTP/1.1 [234]", status);
        }
    }

    /// <summary>Every address that answers to GET, with names that are there, aren't, and are broken, asked by every lesser
    /// role.</summary>
    [Fact]
    public async Task NoAnswer_NamesWhereThingsLie_ToLesserRoles()
    {
        string broken = Path.Combine(dashboard.Suites, "profiles", "broken.yaml");
        await File.WriteAllTextAsync(broken, "profile: broken\nlimits: { ppl_rise: no }\n");
        string home = Path.GetDirectoryName(dashboard.Results) ?? "";
        string[] routes = [.. dashboard.Host.Services.GetServices<EndpointDataSource>().SelectMany(s => s.Endpoints).OfType<RouteEndpoint>()
            .Where(e => e.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods is not { } m || m.Contains("GET"))
            .Select(e => "/" + (e.RoutePattern.RawText ?? "").TrimStart('/')).Distinct()
            .Where(r => !r.StartsWith("/_", StringComparison.Ordinal) && !r.Contains('*', StringComparison.Ordinal))];
        Assert.True(routes.Length > 30, $"{routes.Length} routes");
        using HttpClient admin = await dashboard.ClientAsync(Role.Admin);
        using HttpResponseMessage asked = await DashboardFixture.PostAsync(admin, "/suites", "/actions/suites/run", ("suite", "quick"));
        List<string> wrong = [];
        foreach (HttpClient client in (HttpClient[])[dashboard.Client(), await dashboard.ClientAsync(Role.Viewer),
            await dashboard.ClientAsync(Role.Operator), dashboard.ClientWithKey(Role.Operator)])
        {
            foreach (string route in routes)
            {
                foreach (string name in (string[])[DashboardFixture.FirstRun, "broken", "quick"])
                {
                    string address = Place().Replace(route, name) + $"?run={name}&a={name}&b={DashboardFixture.FirstRun}&profile={name}"
                        + "&metric=perplexity&format=json";
                    using HttpResponseMessage answer = await client.GetAsync(address);
                    string said = await answer.Content.ReadAsStringAsync();
                    if (said.IndexOf(home, StringComparison.Ordinal) is >= 0 and var at)
                        wrong.Add($"{address}: {said.Substring(Math.Max(0, at - 80), Math.Min(200, said.Length - Math.Max(0, at - 80)))}");
                }
            }

            client.Dispose();
        }

        File.Delete(broken);
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.Contains(dashboard.Results, await admin.GetStringAsync("/settings"), StringComparison.Ordinal); // an admin may know
    }

    [Fact]
    public async Task Forms_HaveAnAnswer_ToEveryValue()
    {
        using HttpClient client = await dashboard.ClientAsync(Role.Admin);
        (string Action, string[] Fields)[] forms =
        [
            ("/actions/runs/note", ["run", "note", "tags", "to"]), ("/actions/suites/run", ["suite"]),
            ("/actions/queue/cancel", ["id", "to"]), ("/actions/schedules/add", ["suite", "name", "cron", "zone", "catchUp"]),
            ("/actions/schedules/pause", ["name", "paused"]), ("/actions/schedules/run", ["name"]),
            ("/actions/schedules/remove", ["name"]), ("/actions/accounts/add", ["name", "password", "role"]),
            ("/actions/accounts/role", ["id", "role"]), ("/actions/accounts/remove", ["id"]), ("/actions/keys/add", ["name", "role"]),
            ("/actions/keys/revoke", ["id"]), ("/actions/settings/retention", ["value"]), ("/actions/settings/listen", ["value"]),
            ("/actions/units", ["units"]), ("/actions/theme", ["theme"]), ("/actions/login", ["name", "password", "to"]),
        ];
        List<string> wrong = [];
        foreach ((string action, string[] fields) in forms)
        {
            foreach (string odd in (string[])["abc", "-1", "", "\0", "\u001b[31m", "é", "\r\nX: y", "99", "H H * * *", "\uD800"])
            {
                using HttpResponseMessage answer =
                    await DashboardFixture.PostAsync(client, "/settings", action, [.. fields.Select(f => (f, odd))]);
                if ((int)answer.StatusCode >= 500) wrong.Add($"{action} '{odd}': {(int)answer.StatusCode}");
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [GeneratedRegex(@"\{[^}]*\}")]
    private static partial Regex Place();
}
