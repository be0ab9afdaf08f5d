using System.Net;
using System.Text.RegularExpressions;
using QuantBench.Dashboard.Hosting;
using QuantBench.Lab.Accounts;
using QuantBench.SampleData;

namespace QuantBench.Dashboard.Tests.Api;

/// <summary>Pages and files as any client gets them, without a browser.</summary>
[Collection(DashboardCollection.Name)]
public sealed class PagesTests(DashboardFixture dashboard)
{
    [Theory]
    [InlineData("/", "What changed")]
    [InlineData("/runs", DashboardFixture.SecondRun)]
    [InlineData("/runs?q=9f3a", "1 of ")]
    [InlineData("/runs?status=failed&sort=suite&dir=asc", "failed")]
    [InlineData("/runs?suite=nothing", "Drop a filter: suite")]
    [InlineData("/runs/" + DashboardFixture.FirstRun, "Cells without a figure")]
    [InlineData("/runs/latest?metric=perplexity", "perplexity")]
    [InlineData("/machines", "bench-01")]
    [InlineData("/machines/4a5b6c7d8e9f0a1b", "Noise of the reference cell")]
    [InlineData("/agents", "Jobs")]
    [InlineData("/models", "reference")]
    [InlineData("/models/reference", "gguf:Q4_K_M")]
    [InlineData("/suites", "broken")]
    [InlineData("/suites/quick", "What would run")]
    [InlineData("/suites/broken", "Q4_K_X")]
    [InlineData("/compare?a=" + DashboardFixture.FirstRun + "&b=" + DashboardFixture.SecondRun, "95 % interval")]
    [InlineData("/compare?a=" + DashboardFixture.FirstRun + ":gguf:Q4_0&b=" + DashboardFixture.FirstRun + ":gguf:Q8_0", "Quality")]
    [InlineData("/compare?a=" + DashboardFixture.FirstRun + ":gguf:F16&b=" + DashboardFixture.FirstRun + ":gguf:Q8_0&b="
        + DashboardFixture.FirstRun + ":gguf:Q4_0", "Candidate 2")]
    [InlineData("/compare?a=" + DashboardFixture.FirstRun + "&b=" + DashboardFixture.SecondRun + "&metric=tg_tps",
        "Generation speed on every backend")]
    [InlineData("/compare?a=" + DashboardFixture.FirstRun + "&b=x&b=x&b=x&b=x&b=x&b=x", "Pick 2 to 6")]
    [InlineData("/runs/" + DashboardFixture.FirstRun + "?metric=tg_tps&base=gguf:F16", "the middle tone: not shown to differ")]
    [InlineData("/runs?cols=cpu.governor.nonsense", "Example CPU")]
    [InlineData("/trends?days=3650&axis=runs", "run after run")]
    [InlineData("/trends?days=3650&review=open", "to be acknowledged")]
    [InlineData("/compare?a=..%2F..%2Fetc&b=x", "no run")]
    [InlineData("/decide", "Why the others lost")]
    [InlineData("/trends?days=3650", "All series")]
    [InlineData("/claims", "Verdict")]
    [InlineData("/settings", "Theme")]
    [InlineData("/login", "Password")]
    [InlineData("/search?q=reference", "hits")]
    [InlineData("/search?q=Q4_", "variant")]
    [InlineData("/search?q=nightly", "suite that ran")]
    [InlineData("/suites", "Suites that ran")]
    [InlineData("/leaders", "Leaderboard")]
    [InlineData("/leaders?model=reference&metric=tg_tps", "share")]
    [InlineData("/leaders?model=no&metric=no&way=no&page=999", "Leaderboard")]
    [InlineData("/glossary", "not told apart")]
    [InlineData("/models/reference", "its runs have their hashes")]
    [InlineData("/decide?profile=laptop", "peak RSS")]
    [InlineData("/trends?days=3650&suite=nightly", "Generation speed of ")]
    [InlineData("/runs/" + DashboardFixture.FirstRun + "?rsort=artifact_size&rdir=desc&rq=gguf&rpage=2", "aria-sort=\"descending\"")]
    [InlineData("/", "What to ship")]
    public async Task Page_ShowsItsData(string address, string expected)
    {
        using HttpClient client = dashboard.Client();

        string html = await client.GetStringAsync(address);

        Assert.Contains(expected, html, StringComparison.Ordinal);
        // What the policy forbids isn't there: no style attribute, no inline style or script, nothing from elsewhere.
        Assert.DoesNotMatch(new Regex(@"<[a-zA-Z][^>]*\sstyle=", RegexOptions.CultureInvariant), html);
        Assert.DoesNotContain("<style", html, StringComparison.Ordinal);
        Assert.DoesNotMatch(new Regex(@"<script(?![^>]*\ssrc=)", RegexOptions.CultureInvariant), html);
        Assert.DoesNotMatch(new Regex(@"(?:src|href)=""(?:https?:)?//", RegexOptions.CultureInvariant), html);
    }

    [Theory]
    [InlineData("/api/v1/runs/" + DashboardFixture.FirstRun + "/table.csv", "gguf:Q4_K_M")]
    [InlineData("/api/v1/leaders.csv?model=reference&metric=tg_tps", "rank,model,variant")]
    public async Task Csv_HasWhatThePageShows(string address, string expected)
    {
        using HttpClient client = dashboard.Client();

        Assert.Contains(expected, await client.GetStringAsync(address), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/runs/nothing-of-this-name")]
    [InlineData("/runs/..%2f..%2fetc")]
    [InlineData("/suites/..%2Fquick")]
    [InlineData("/machines/nobody")]
    [InlineData("/no/such/page")]
    [InlineData("/api/v1/runs/nothing")]
    [InlineData("/api/v1/runs/nothing/table.csv")]
    [InlineData("/assets/..%2f..%2fpasswd")]
    [InlineData("/figures/runs/latest/plot-nothing.svg")]
    public async Task Unknown_Is404(string address)
    {
        using HttpClient client = dashboard.Client();

        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync(address)).StatusCode);
    }

    [Theory]
    [InlineData("/runs/none-of-this-name", "There is no run")]
    [InlineData("/suites/nothing", "There is no suite")]
    [InlineData("/no/such/page", "There is no such page")]
    public async Task Unknown_SaysSoOnItsPage(string address, string expected)
    {
        using HttpClient client = dashboard.Client();
        using HttpResponseMessage answer = await client.GetAsync(address);

        Assert.Contains(expected, await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task EveryAnswer_HasTheHeaders()
    {
        using HttpClient client = dashboard.Client();
        foreach (string address in (string[])["/", "/api/v1/runs", "/nowhere", "/login"])
        {
            using HttpResponseMessage answer = await client.GetAsync(address);
            Assert.Equal(SecurityHeaders.ContentSecurityPolicy, Assert.Single(answer.Headers.GetValues("Content-Security-Policy")));
            Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
            Assert.Equal("DENY", Assert.Single(answer.Headers.GetValues("X-Frame-Options")));
            Assert.False(answer.Headers.Contains("Server"));
        }
    }

    [Fact]
    public async Task AForeignHostName_IsRefused()
    {
        // DNS rebinding: a web site whose name resolves to this machine.
        using HttpClient client = dashboard.Client();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/") { Headers = { Host = "evil.example" } };

        Assert.Equal(HttpStatusCode.BadRequest, (await client.SendAsync(request)).StatusCode);
    }

    [Theory]
    [InlineData("svg", "image/svg+xml")]
    [InlineData("png", "image/png")]
    [InlineData("csv", "text/csv")]
    public async Task Figures_AreFiles(string kind, string type)
    {
        using HttpClient client = dashboard.Client();

        using HttpResponseMessage answer = await client.GetAsync($"/figures/runs/{DashboardFixture.FirstRun}/plot-perplexity.{kind}");
        byte[] bytes = await answer.Content.ReadAsByteArrayAsync();

        Assert.Equal(type, answer.Content.Headers.ContentType?.MediaType);
        Assert.True(bytes.Length > 300);
        if (kind == "svg") Assert.DoesNotContain("var(--", System.Text.Encoding.UTF8.GetString(bytes), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ServedRun_ShowsLatencyAgainstLoad_Goodput_AndItsRequestsOverTime()
    {
        using HttpClient client = dashboard.Client();

        string page = await client.GetStringAsync($"/runs/{ServedRun.Id}");
        string csv = await client.GetStringAsync($"/figures/runs/{ServedRun.Id}/plot-requests-1.csv");

        foreach (string title in (string[])["Latency against load", "Goodput", "Requests over time: Q8_0, poisson 2/s"])
            Assert.Contains(title, page, StringComparison.Ordinal);
        Assert.DoesNotContain("<style", page, StringComparison.Ordinal);
        Assert.Contains("1: cut", csv, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/figures/compare/differences.svg?a=" + DashboardFixture.FirstRun + ":gguf:F16&b=" + DashboardFixture.FirstRun
        + ":gguf:Q8_0&b=" + DashboardFixture.FirstRun + ":gguf:Q4_0", "gguf:Q4_0")]
    [InlineData("/figures/compare/distribution.csv?a=" + DashboardFixture.FirstRun + "&b=" + DashboardFixture.SecondRun + "&metric=ttft",
        "Median (ms)")]
    [InlineData("/api/v1/compare.csv?a=" + DashboardFixture.FirstRun + ":gguf:F16&b=" + DashboardFixture.FirstRun + ":gguf:Q8_0&b="
        + DashboardFixture.FirstRun + ":gguf:Q4_0", DashboardFixture.FirstRun + ":gguf:Q4_0,")]
    [InlineData("/api/v1/runs/" + DashboardFixture.FirstRun + "/matrix.csv?metric=tg_tps&base=gguf:F16", "verdict")]
    public async Task Files_CarryTheStateOfTheirPage(string address, string expected)
    {
        using HttpClient client = dashboard.Client();

        Assert.Contains(expected, await client.GetStringAsync(address), StringComparison.Ordinal);
    }

    [Fact]
    public async Task DecideFile_HasTheRingAndTheLimits_OfThePage()
    {
        using HttpClient client = dashboard.Client();
        string plain = $"/figures/decide/front-1.svg?run={DashboardFixture.FirstRun}&x=rss_peak&y=ppl_rise";

        string without = await client.GetStringAsync(plain);
        string with = await client.GetStringAsync(plain + "&profile=laptop&limit.ppl_rise.max=1");

        Assert.DoesNotContain("ppl_rise ≤", without, StringComparison.Ordinal);
        Assert.Contains("ppl_rise ≤ 1", with, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Trend_HasItsMachinesUnderEachOther_OnOneFile()
    {
        using HttpClient client = dashboard.Client();
        string page = await client.GetStringAsync("/trends?days=3650&suite=nightly");
        string figure = System.Net.WebUtility.HtmlDecode(Regex.Match(page, "/figures/trends/trend-[^\"]+\\.csv[^\"]*").Value);

        string csv = await client.GetStringAsync(figure);

        Assert.Contains("bench-01", csv, StringComparison.Ordinal);
        Assert.Contains("bench-02", csv, StringComparison.Ordinal);
        Assert.Equal(2 * DriftRuns.Nights, csv.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length - 1);
    }

    [Fact]
    public async Task AChange_IsAcknowledgedAndReopened_ByAnOperator()
    {
        using HttpClient client = await dashboard.ClientAsync(Role.Operator);
        const string page = "/trends?days=3650&suite=nightly&variant=gguf%3AQ4_0";
        string html = await client.GetStringAsync(page);
        Match form =
            Regex.Match(html,
                "name=\"metric\" value=\"(?<m>[^\"]+)\" /><input type=\"hidden\" name=\"cell\" value=\"(?<c>[^\"]+)\" /><input "
                    + "type=\"hidden\" name=\"machine\" value=\"(?<n>[^\"]+)\" />"
                    + "<input type=\"hidden\" name=\"run\" value=\"(?<r>[^\"]+)\"");
        Assert.Equal(DriftRuns.Id(DriftRuns.FirstSlowNight, DriftRuns.SlowMachine), form.Groups["r"].Value);
        (string,
            string)[] fields = [("metric", form.Groups["m"].Value), ("cell", form.Groups["c"].Value), ("machine", form.Groups["n"].Value),
                ("run", form.Groups["r"].Value), ("note", "<b>governor</b>"), ("to", page)];

        using HttpResponseMessage done = await DashboardFixture.PostAsync(client, page, "/actions/trends/acknowledge", fields);
        string after = await client.GetStringAsync(page);
        using HttpResponseMessage reopened = await DashboardFixture.PostAsync(client, page, "/actions/trends/reopen", fields);

        Assert.Equal(page, done.Headers.Location?.OriginalString);
        Assert.Contains("acknowledged by operator", after, StringComparison.Ordinal);
        Assert.DoesNotContain("<b>governor</b>", after, StringComparison.Ordinal);
        Assert.DoesNotContain("acknowledged by operator", await client.GetStringAsync(page), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ARunsNote_IsEditedInTheList_AndLeadsBackToIt()
    {
        using HttpClient client = await dashboard.ClientAsync(Role.Operator);
        string run = DriftRuns.Id(0, DriftRuns.SteadyMachine);
        string page = "/runs?suite=nightly&edit=" + run;
        Assert.Contains("aria-label=\"Note and tags of " + run, await client.GetStringAsync(page), StringComparison.Ordinal);

        using HttpResponseMessage answer =
            await DashboardFixture.PostAsync(client, page, "/actions/runs/note", ("run", run), ("note", "edited in place"),
                ("tags", "first"), ("to", "/runs?suite=nightly"));
        using HttpClient viewer = await dashboard.ClientAsync(Role.Viewer);

        Assert.Equal("/runs?suite=nightly", answer.Headers.Location?.OriginalString);
        Assert.Contains("edited in place", await client.GetStringAsync("/runs?suite=nightly"), StringComparison.Ordinal);
        Assert.DoesNotContain("<form id=\"edit\"", await viewer.GetStringAsync(page), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sizes_AreInTheReadersUnits()
    {
        using HttpClient client = dashboard.Client();
        Assert.Contains("\u00a0MiB", System.Net.WebUtility.HtmlDecode(await client.GetStringAsync("/models/reference")),
            StringComparison.Ordinal);

        using HttpResponseMessage answer = await DashboardFixture.PostAsync(client, "/settings", "/actions/units", ("units", "decimal"));
        string html = await client.GetStringAsync("/models/reference");
        using HttpClient other = dashboard.Client();

        // With the space that units have: tokens in a page are random, and hold any three letters some day.
        Assert.DoesNotContain("\u00a0MiB", System.Net.WebUtility.HtmlDecode(html), StringComparison.Ordinal);
        Assert.Contains("\u00a0MB", System.Net.WebUtility.HtmlDecode(html), StringComparison.Ordinal);
        Assert.Contains("\u00a0MiB", System.Net.WebUtility.HtmlDecode(await other.GetStringAsync("/models/reference")),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Settings_AreSavedByAnAdmin_AndSayWhatIsWrong()
    {
        using HttpClient client = await dashboard.ClientAsync(Role.Admin);

        using HttpResponseMessage saved =
            await DashboardFixture.PostAsync(client, "/settings", "/actions/settings/retention", ("value", "36500"));
        using HttpResponseMessage refused =
            await DashboardFixture.PostAsync(client, "/settings", "/actions/settings/retention", ("value", "3"));
        string html = await client.GetStringAsync(refused.Headers.Location?.OriginalString);

        Assert.Contains("value=\"36500\"", html, StringComparison.Ordinal);
        Assert.Contains("Not saved: &#x27;3&#x27; is no number of days", html, StringComparison.Ordinal);
        Assert.Contains(new QuantBench.Lab.State.AuditLog(dashboard.Lab, TimeProvider.System).Read(),
            e => e is { Action: "setting", Object: "retention_days", After: "36500" });
    }

    [Fact]
    public void Sheet_StaysSmall()
    {
        string sheet = File.ReadAllText(TestKit.RepositoryRoot.Combine("src", "QuantBench.Dashboard", "Assets", "quantbench.css"));

        // Its rules; comments and layout are for people who read the file.
        string rules = Regex.Replace(sheet, @"/\*[\s\S]*?\*/|(?<=[{};:,>~+])\s+|\s+(?=[{}>~+])", "");

        Assert.InRange(rules.Length, 1, 20_000);
    }

    [Theory]
    [InlineData("json")]
    [InlineData("csv")]
    [InlineData("parquet")]
    public async Task Exports_AreTheExportersOwn(string format)
    {
        using HttpClient client = dashboard.Client();

        byte[] bytes = await client.GetByteArrayAsync($"/api/v1/runs/{DashboardFixture.FirstRun}/export?format={format}");

        Assert.True(bytes.Length > 1000);
    }

    [Fact]
    public async Task OpenApi_DescribesTheUpload()
    {
        using HttpClient client = dashboard.Client();

        string text = await client.GetStringAsync("/api/v1/openapi.json");

        Assert.Contains("\"/api/v1/runs\"", text, StringComparison.Ordinal);
        Assert.Contains("application/zip", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Login_LocksTheAccount_AfterWrongPasswords()
    {
        var accounts = new AccountStore(dashboard.Lab);
        accounts.Add(Accounts.AccountMakerFor.Locked());
        using HttpClient client = dashboard.Client();
        string last = "";
        for (int i = 0; i < 6; i++)
        {
            using HttpResponseMessage answer =
                await DashboardFixture.PostAsync(client, "/login", "/actions/login", ("name", "locked"), ("password", "wrong password"));
            last = answer.Headers.Location?.OriginalString ?? "";
        }

        Assert.Contains("failed=locked", last, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Note_IsSavedAndAudited_ByAnOperator()
    {
        using HttpClient client = await dashboard.ClientAsync(Role.Operator);

        using HttpResponseMessage answer = await DashboardFixture.PostAsync(
            client, "/runs/" + DashboardFixture.FirstRun, "/actions/runs/note", ("run", DashboardFixture.FirstRun),
            ("note", "<script>alert(1)</script> fan was loud"), ("tags", "loud, nightly"));
        string html = await client.GetStringAsync("/runs/" + DashboardFixture.FirstRun);

        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.Contains("fan was loud", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<script>alert", html, StringComparison.Ordinal);
        Assert.Contains(new QuantBench.Lab.State.AuditLog(dashboard.Lab, TimeProvider.System).Read(),
            e => e is { Action: "run.note", Actor: "operator" });
    }

    [Fact]
    public async Task ANewKey_IsShownOnce()
    {
        using HttpClient client = await dashboard.ClientAsync(Role.Admin);
        using HttpResponseMessage answer =
            await DashboardFixture.PostAsync(client, "/settings", "/actions/keys/add", ("name", "agent"), ("role", "Operator"));
        string address = answer.Headers.Location?.OriginalString ?? "";

        string first = await client.GetStringAsync(address);
        string second = await client.GetStringAsync(address);

        Match key = Regex.Match(first, "qb_[A-Za-z0-9_-]{40,}");
        Assert.True(key.Success);
        Assert.DoesNotContain("qb_", address, StringComparison.Ordinal);
        Assert.DoesNotContain(key.Value, second, StringComparison.Ordinal);
    }
}
