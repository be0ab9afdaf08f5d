using System.Net;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using QuantBench.Dashboard.Accounts;
using QuantBench.Lab.Accounts;

namespace QuantBench.Dashboard.Tests.Api;

/// <summary>
/// Asks the running server for its own endpoints, so that a new one can't be forgotten: each that changes something refuses who may not,
/// and none is open by accident.
/// </summary>
[Collection(DashboardCollection.Name)]
public sealed class EndpointRefusalTests(DashboardFixture dashboard)
{
    /// <summary>What anybody may send: it leads to an account, away from one, or to another theme or unit; or its body is signed.</summary>
    private static readonly string[] s_openChanges = ["/actions/login", "/actions/setup", "/actions/logout", "/actions/theme",
        "/actions/units", "/api/v1/hooks/{suite}"];

    private RouteEndpoint[] Endpoints =>
        [.. dashboard.Host.Services.GetServices<EndpointDataSource>().SelectMany(s => s.Endpoints).OfType<RouteEndpoint>()];

    private static string[] Methods(RouteEndpoint endpoint) => [.. endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? []];

    // Blazor's own pages answer POST for forms of components; no page has one, and its hub has its own check below.
    private static bool Changes(RouteEndpoint endpoint) =>
        Methods(endpoint).Any(m => m is not ("GET" or "HEAD" or "OPTIONS")) && Path(endpoint) is { } p
            && (p.StartsWith("/api/", StringComparison.Ordinal) || p.StartsWith("/actions/", StringComparison.Ordinal));

    private static string Path(RouteEndpoint endpoint) =>
        "/" + (endpoint.RoutePattern.RawText ?? "").TrimStart('/').Replace("{id:long}", "1", StringComparison.Ordinal);

    [Fact]
    public void Endpoints_EachNameAPolicyOrAreOpenOnPurpose()
    {
        IEnumerable<string?> unnamed = Endpoints
            .Where(e =>
                e.Metadata.GetMetadata<IAllowAnonymous>() is null
                    && !e.Metadata.GetOrderedMetadata<IAuthorizeData>()
                        .Any(a => a.Policy is Policies.Read or Policies.Operate or Policies.Administer or Policies.OperateByKey
                            or Policies.Work or Policies.Own))
            .Select(e => e.DisplayName);

        Assert.Empty(unnamed);
    }

    [Fact]
    public void Changes_AreOpenOnlyWhereNamed()
    {
        Assert.True(Endpoints.Count(Changes) > 15);
        Assert.Equal(s_openChanges.Order(),
            Endpoints.Where(Changes).Where(e => e.Metadata.GetMetadata<IAllowAnonymous>() is not null).Select(Path).Order());
    }

    [Fact]
    public void FormActions_AllCheckTheToken() =>
        Assert.All(Endpoints.Where(Changes).Where(e => Path(e).StartsWith("/actions/", StringComparison.Ordinal)),
            e => Assert.True(e.Metadata.GetMetadata<IAntiforgeryMetadata>()?.RequiresValidation, e.DisplayName));

    [Fact]
    public void PageActions_AreTheFormsOfPages_AndNothingElse()
    {
        string root = TestKit.RepositoryRoot.Combine("src", "QuantBench.Dashboard");
        string[] pages = [
            .. ((string[])["Pages", "Components", "Layout", "Live"])
                .SelectMany(d => Directory.EnumerateFiles(System.IO.Path.Combine(root, d), "*.razor"))];
        string all = string.Concat(pages.Select(File.ReadAllText));
        string[] asked = [
            .. System.Text.RegularExpressions.Regex.Matches(all, "[aA]ction=\"(/actions/[^\"]+)\"").Select(m => m.Groups[1].Value)
                .Distinct().Order()];

        // Every form leads to an endpoint that the tests of this class call, and every endpoint has its form.
        Assert.Equal(
            Endpoints.Where(Changes).Select(Path).Where(p => p.StartsWith("/actions/", StringComparison.Ordinal)).Distinct().Order(),
            asked);
        // No component handles an event of its own on the server, so there is no other way to change anything from a page.
        Assert.DoesNotMatch(new System.Text.RegularExpressions.Regex("@on[a-z]+=|@formname|@bind"), all);
    }

    [Fact]
    public async Task Changes_RefuseAnonymousCallers()
    {
        using HttpClient client = dashboard.Client();
        foreach (RouteEndpoint endpoint in Endpoints.Where(Changes).Where(e => !s_openChanges.Contains(Path(e))))
            await RefusedAsync(client, endpoint, HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Changes_RefuseViewers()
    {
        using HttpClient browser = await dashboard.ClientAsync(Role.Viewer);
        using HttpClient key = dashboard.ClientWithKey(Role.Viewer);
        // What is a viewer's own to change; without the token it does nothing.
        RouteEndpoint[] own =
            [.. Endpoints.Where(e => e.Metadata.GetOrderedMetadata<IAuthorizeData>().Any(a => a.Policy == Policies.Own))];
        Assert.Equal(["/actions/password"], own.Select(Path));
        await RefusedAsync(browser, own[0], HttpStatusCode.BadRequest);
        foreach (RouteEndpoint endpoint in Endpoints.Where(Changes).Except(own).Where(e => !s_openChanges.Contains(Path(e))))
        {
            bool api = Path(endpoint).StartsWith("/api/", StringComparison.Ordinal);
            await RefusedAsync(api ? key : browser, endpoint, HttpStatusCode.Forbidden);
        }
    }

    [Fact]
    public async Task AdminActions_RefuseOperators()
    {
        using HttpClient client = await dashboard.ClientAsync(Role.Operator);
        RouteEndpoint[] admins = [
            .. Endpoints.Where(Changes)
                .Where(e => e.Metadata.GetOrderedMetadata<IAuthorizeData>().Any(a => a.Policy == Policies.Administer))];
        Assert.True(admins.Length >= 5);
        foreach (RouteEndpoint endpoint in admins) await RefusedAsync(client, endpoint, HttpStatusCode.Forbidden);
        Assert.Equal(HttpStatusCode.Redirect, (await client.GetAsync("/audit")).StatusCode);
        Assert.NotEqual(HttpStatusCode.OK, (await client.GetAsync("/api/v1/audit.csv")).StatusCode);
    }

    [Fact]
    public async Task ApiChanges_RefuseACookie()
    {
        // A login isn't enough: with a cookie another site's form could do it.
        using HttpClient client = await dashboard.ClientAsync(Role.Admin);
        foreach (RouteEndpoint endpoint in Endpoints.Where(Changes).Where(e => Path(e).StartsWith("/api/", StringComparison.Ordinal)))
            await RefusedAsync(client, endpoint, HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task FormActions_RefuseAnAdmin_WithoutTheToken()
    {
        using HttpClient client = await dashboard.ClientAsync(Role.Admin);
        using var form = new FormUrlEncodedContent([KeyValuePair.Create("name", "evil"), KeyValuePair.Create("role", "Admin")]);

        using HttpResponseMessage answer = await client.PostAsync("/actions/keys/add", form);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.DoesNotContain(new ApiKeyStore(dashboard.Lab, TimeProvider.System).List(), k => k.Name == "evil");
    }

    [Fact]
    public async Task Keys_StopWorking_WhenRevoked()
    {
        var keys = new ApiKeyStore(dashboard.Lab, TimeProvider.System);
        (string key, ApiKeyInfo info) = keys.Create("short-lived", "test", Role.Operator);
        using HttpClient client = dashboard.Client();
        client.DefaultRequestHeaders.Authorization = new("Bearer", key);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/api/v1/runs")).StatusCode);

        keys.Revoke(info.Id);
        using HttpResponseMessage answer = await client.PostAsync("/api/v1/runs", new ByteArrayContent([1]));

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    private static async Task RefusedAsync(HttpClient client, RouteEndpoint endpoint, HttpStatusCode expected)
    {
        foreach (string method in Methods(endpoint))
        {
            // Content of the kind the endpoint takes: another kind is no call to it at all.
            bool api = Path(endpoint).StartsWith("/api/", StringComparison.Ordinal);
            using var request = new HttpRequestMessage(new HttpMethod(method), Path(endpoint))
            {
                Content = api ? new StringContent("{}", System.Text.Encoding.UTF8, "application/json")
                    : new FormUrlEncodedContent([KeyValuePair.Create("name", "x")]),
            };
            using HttpResponseMessage answer = await client.SendAsync(request);
            Assert.True(answer.StatusCode == expected, $"{method} {Path(endpoint)}: {answer.StatusCode} instead of {expected}");
        }
    }
}
