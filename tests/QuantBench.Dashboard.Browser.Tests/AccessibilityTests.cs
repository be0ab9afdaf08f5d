using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.Playwright;
using QuantBench.Analysis.Compare;
using QuantBench.Analysis.Reports;
using QuantBench.Dashboard.Accounts;
using QuantBench.Dashboard.Tests;
using QuantBench.Lab.Accounts;
using QuantBench.Results.Exchange;
using QuantBench.Results.Folders;
using QuantBench.SampleData;
using QuantBench.TestKit;

namespace QuantBench.Dashboard.Browser.Tests;

/// <summary>axe-core on every page, light and dark, wide and narrow; no page scrolls sideways at 1024 or 320 px or breaks its own policy,
/// and no two labels of a plot touch. <c>QB_SCREENSHOTS=DIR</c> also writes a picture of each page at each width and in each
/// theme.</summary>
[Collection(BrowserCollection.Name)]
public sealed class AccessibilityTests(BrowserFixture browser)
{
    private const int LongestPage = 12_000; // pixels, on a phone

    private const string Run = "/runs/" + DashboardFixture.FirstRun;

    public static TheoryData<string> Pages() =>
    [
        "/", "/runs", "/runs?suite=nothing", Run, Run + "?metric=kl_mean", Run + "?metric=perplexity&table=plot-perplexity",
        "/runs/none-of-this-name",
        $"/compare?a={DashboardFixture.FirstRun}&b={DashboardFixture.SecondRun}", "/decide?profile=laptop", "/trends?days=3650",
        "/trends?days=3650&axis=runs&review=open",
        $"/compare?a={Side("F16")}&b={Side("Q8_0")}&b={Side("Q4_0")}&b={Side("Q2_K")}&table=distribution",
        $"/compare?a={DashboardFixture.FirstRun}&b={DashboardFixture.SecondRun}&metric=ttft",
        Run + "?metric=tg_tps&base=gguf:F16", "/runs?cols=cpu.engines.commit", "/setup", "/claims", "/machines",
        "/machines/4a5b6c7d8e9f0a1b", "/models",
        "/models/reference", "/suites", "/suites/quick", "/suites/broken", "/settings", "/login", "/search?q=reference", "/no/such/page",
        "/leaders?model=reference&metric=tg_tps", "/glossary", Run + "?rsort=kl_mean&rdir=desc&rq=gguf",
    ];

    /// <summary>Pages that show more to those who may more.</summary>
    public static TheoryData<Role, string> RolePages()
    {
        string edit = $"/runs?suite=nightly&edit={DriftRuns.Id(3, DriftRuns.SlowMachine)}";
        const string trends = "/trends?days=3650&suite=nightly";
        (Role Role, string[] Pages)[] each =
        [
            (Role.Viewer, ["/settings", "/suites", Run, "/audit"]), // the last one is refused, in the page's own words
            (Role.Operator, ["/suites", edit, trends, Run]),
            (Role.Admin, ["/settings?said=Saved.", "/audit", "/suites", trends]),
        ];
        var pages = new TheoryData<Role, string>();
        foreach ((Role role, string[] addresses) in each)
        {
            foreach (string address in addresses) pages.Add(role, address);
        }

        return pages;
    }

    // One load per page: axe's whole set in one theme at both widths, its colours in the other theme; then the narrowest screen.
    [BrowserTheory]
    [MemberData(nameof(Pages))]
    public async Task Page_HasNoFindings_AndDoesntScrollSideways(string address)
    {
        await using WatchedPage watched = await browser.OpenAsync();
        await CheckAsync(watched, address);
    }

    [BrowserTheory]
    [MemberData(nameof(RolePages))]
    public async Task Page_HasNoFindings_ForARole(Role role, string address)
    {
        await using WatchedPage watched = await browser.OpenAsync();
        IPage page = watched.Page;
        await page.GotoAsync("/login");
        await page.FillAsync("input[name=name]", Policies.Name(role));
        await page.FillAsync("input[name=password]", DashboardFixture.Password);
        await page.ClickAsync("main button");
        await Assertions.Expect(page.Locator(".rail .foot")).ToContainTextAsync(Policies.Name(role));
        await CheckAsync(watched, address, unfold: true);
    }

    // Both themes at both widths, then the narrowest screen. What is folded is opened first where asked: findings hide there.
    private static async Task CheckAsync(WatchedPage watched, string address, bool unfold = false)
    {
        IPage page = watched.Page;
        await page.GotoAsync(address);
        if (unfold) await page.EvaluateAsync("document.querySelectorAll('main details').forEach(d => d.open = true)");
        var findings = new List<string>();
        (ICDPSession session, int context) = await AxeAsync(page);
        foreach (ColorScheme scheme in (ColorScheme[])[ColorScheme.Light, ColorScheme.Dark])
        {
            await page.EmulateMediaAsync(new PageEmulateMediaOptions { ColorScheme = scheme });
            foreach (int width in (int[])[1280, 380])
            {
                await page.SetViewportSizeAsync(width, 900);
                findings.AddRange(
                    (await FindingsAsync(session, context, scheme == ColorScheme.Dark)).Select(f => $"{scheme} {width}: {f}"));
                if (scheme == ColorScheme.Light) findings.AddRange((await TouchingAsync(page)).Select(t => $"{width}: labels touch: {t}"));
                await PictureAsync(page, address, scheme, width);
            }
        }

        await page.SetViewportSizeAsync(1024, 900);
        if (await page.EvaluateAsync<int>("document.documentElement.scrollWidth") > 1024)
            findings.Add("1024: scrolls sideways: " + await WidestAsync(page, 1024));
        await PictureAsync(page, address, ColorScheme.Dark, 1024);

        await page.SetViewportSizeAsync(380, 900);
        if (!unfold && await page.EvaluateAsync<int>("document.documentElement.scrollHeight") is > LongestPage and var height)
            findings.Add($"380: {height} pixels long");
        await page.SetViewportSizeAsync(320, 900);
        if (await page.EvaluateAsync<int>("document.documentElement.scrollWidth") > 320)
            findings.Add("320: scrolls sideways: " + await WidestAsync(page, 320));

        // A page that isn't there says so with its status; the browser notes that.
        findings.AddRange(watched.Complaints.Where(c => !c.Contains("404", StringComparison.Ordinal)));
        Assert.True(findings.Count == 0, string.Join('\n', findings));
    }

    /// <summary>The reports that are written to files: one run, several runs, and the compliance record.</summary>
    [BrowserTheory]
    [InlineData("run")]
    [InlineData("runs")]
    [InlineData("compliance")]
    public async Task WrittenReport_HasNoFindings(string kind)
    {
        RunRecord run = SampleRun.Make();
        RunRecord later = run with { Info = run.Info with { Id = "20261125-010101-later-0001" } };
        using var folder = new TemporaryDirectory();
        string file = folder.Combine($"{kind}.html");
        await File.WriteAllTextAsync(file, kind switch
        {
            "run" => HtmlReport.Write(RunReport.Of(run)),
            "runs" =>
                HtmlReport.Write([RunReport.Of(run), RunReport.Of(later)],
                    [RunComparer.Compare(new ComparisonSide(run), new ComparisonSide(later))]),
            _ => ComplianceReport.Of(run, run.Cells,
                new RunManifest(ImmutableSortedDictionary<string, string>.Empty.Add("run.json", new string('a', 64)))).ToHtml(),
        });
        await using WatchedPage watched = await browser.OpenAsync();
        await watched.Page.GotoAsync(new Uri(file).AbsoluteUri);
        (ICDPSession session, int context) = await AxeAsync(watched.Page);
        var findings = new List<string>();
        foreach (ColorScheme scheme in (ColorScheme[])[ColorScheme.Light, ColorScheme.Dark])
        {
            await watched.Page.EmulateMediaAsync(new PageEmulateMediaOptions { ColorScheme = scheme });
            findings.AddRange((await FindingsAsync(session, context, scheme == ColorScheme.Dark)).Select(f => $"{scheme}: {f}"));
        }

        Assert.True(findings.Count == 0, string.Join('\n', findings));
    }

    private static string Side(string variant) => $"{DashboardFixture.FirstRun}:gguf:{variant}@llamacpp/cpu";

    // axe runs in a world of its own, so the page's policy needs no hole for it.
    private static async Task<(ICDPSession Session, int Context)> AxeAsync(IPage page)
    {
        ICDPSession session = await page.Context.NewCDPSessionAsync(page);
        JsonElement? tree = await session.SendAsync("Page.getFrameTree");
        string frame = tree?.GetProperty("frameTree").GetProperty("frame").GetProperty("id").GetString() ?? "";
        JsonElement? world =
            await session.SendAsync("Page.createIsolatedWorld",
                new Dictionary<string, object> { ["frameId"] = frame, ["worldName"] = "axe" });
        int context = world?.GetProperty("executionContextId").GetInt32() ?? 0;
        string axe = await File.ReadAllTextAsync(BrowserTools.Axe ?? throw new InvalidOperationException("axe-core is missing"));
        await session.SendAsync("Runtime.evaluate", new Dictionary<string, object> { ["expression"] = axe, ["contextId"] = context });
        return (session, context);
    }

    private static async Task<string[]> FindingsAsync(ICDPSession session, int context, bool coloursOnly)
    {
        string rules = coloursOnly ? ", { runOnly: ['color-contrast'] }" : "";
        JsonElement? answer = await session.SendAsync("Runtime.evaluate", new Dictionary<string, object>
        {
            ["expression"] =
                $"axe.run(document{rules}).then(r => JSON.stringify(r.violations.map(v => v.impact + ' ' + v.id + ': ' + v.nodes.slice(0, "
                    + "3).map(n => n.html + ' ' + n.failureSummary).join(' | '))))",
            ["contextId"] = context,
            ["awaitPromise"] = true,
            ["returnByValue"] = true,
        });
        string json = answer?.GetProperty("result").GetProperty("value").GetString() ?? "[\"axe gave no answer\"]";
        return JsonSerializer.Deserialize<string[]>(json) ?? [];
    }

    private static async Task<string> WidestAsync(IPage page, int width) => await page.EvaluateAsync<string>(
        $"[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > {width + 1} && "
            + "!e.closest('.scroll,.seg')).slice(0, 5).map(e => e.outerHTML.slice(0, 120)).join('\\n')");

    // Words of one plot whose boxes, as the browser lays them out, cover a part of each other; lines are taller than what stands on them.
    private static async Task<string[]> TouchingAsync(IPage page) => await page.EvaluateAsync<string[]>(
        """
        () => [...document.querySelectorAll('svg.qb-plot')].flatMap(plot => {
          const words = [...plot.querySelectorAll('text')].map(e => [e.textContent.trim(), e.getBoundingClientRect()])
            .filter(([text, box]) => text && box.width > 0);
          return words.flatMap(([text, a], i) => words.slice(i + 1)
            .filter(([, b]) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2
              && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 0.4 * Math.min(a.height, b.height))
            .map(([other]) => `'${text}' and '${other}' of ${plot.querySelector('title').textContent}`));
        })
        """);

    private static async Task PictureAsync(IPage page, string address, ColorScheme scheme, int width)
    {
        if (Environment.GetEnvironmentVariable("QB_SCREENSHOTS") is not { Length: > 0 } folder) return;
        string plain = string.Concat(address.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_'));
        string name = plain.Length < 100 ? plain : plain[..40] + plain[^60..];
        await page.ScreenshotAsync(
            new PageScreenshotOptions { Path = Path.Combine(folder, $"{name}-{scheme}-{width}.png".ToLowerInvariant()), FullPage = true });
    }
}
