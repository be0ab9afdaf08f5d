using System.Net;

namespace QuantBench.Dashboard.Tests.Api;

/// <summary>Files beside the suites that can't be read are listed as broken with the reason; everything else goes on.</summary>
public sealed class BrokenFilesTests(DashboardFixture dashboard) : IClassFixture<DashboardFixture>
{
    [Fact]
    public async Task Pages_ListBrokenFiles_WithTheReason()
    {
        await File.WriteAllTextAsync(Path.Combine(dashboard.Suites, "claims.yaml"), "claims: [{ claim: x, metric: nonsense }]\n");
        await File.WriteAllTextAsync(Path.Combine(dashboard.Suites, "profiles", "broken.yaml"),
            "profile: broken\nlimits: { rss_peak: { most: 2GiB } }\n");
        Directory.CreateDirectory(Path.Combine(dashboard.Suites, "profiles", "directory.yaml"));
        using HttpClient client = dashboard.Client();

        string run = await TextAsync($"/runs/{DashboardFixture.FirstRun}"), decide = await TextAsync("/decide?profile=broken");
        string claims = await TextAsync("/claims"), suites = await TextAsync("/suites"), overview = await TextAsync("/");

        Assert.Contains("gguf:Q4_K_M", run, StringComparison.Ordinal);
        Assert.Contains("broken.yaml:2:", decide, StringComparison.Ordinal);
        Assert.Contains("most", decide, StringComparison.Ordinal);
        Assert.Contains("claims.yaml:1:", claims, StringComparison.Ordinal);
        Assert.Contains("nonsense", claims, StringComparison.Ordinal);
        Assert.Contains("broken.yaml:2:", suites, StringComparison.Ordinal);
        Assert.Contains("What changed", overview, StringComparison.Ordinal);

        async Task<string> TextAsync(string address)
        {
            using HttpResponseMessage answer = await client.GetAsync(address);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            return WebUtility.HtmlDecode(await answer.Content.ReadAsStringAsync());
        }
    }
}
