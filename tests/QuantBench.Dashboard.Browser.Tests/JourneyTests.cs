using System.Text.RegularExpressions;
using Microsoft.Playwright;
using QuantBench.Core.Runs;
using QuantBench.Dashboard.Tests;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;
using QuantBench.SampleData;

namespace QuantBench.Dashboard.Browser.Tests;

/// <summary>What readers do, in a real browser.</summary>
[Collection(BrowserCollection.Name)]
public sealed partial class JourneyTests(BrowserFixture browser)
{
    private const string Run = "/runs/" + DashboardFixture.FirstRun;

    [BrowserFact]
    public async Task Run_SwitchesMetric_OpensAndClosesTheDrawer_ByKeyboard()
    {
        await using WatchedPage watched = await browser.OpenAsync();
        IPage page = watched.Page;
        await page.GotoAsync(Run);

        await page.ClickAsync("nav[aria-label=Metric] >> text=perplexity");
        await Assertions.Expect(page.Locator("#matrix-head")).ToHaveTextAsync("Perplexity");
        Assert.Contains("metric=perplexity", page.Url, StringComparison.Ordinal);

        await page.FocusAsync("[role=grid] a.cell[tabindex='0']");
        await page.Keyboard.PressAsync("ArrowDown");
        string second = await page.EvaluateAsync<string>("document.activeElement.id");
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page.Locator("aside.drawer .big")).ToBeVisibleAsync();
        Assert.Contains("cell=" + second[2..], page.Url, StringComparison.Ordinal);

        await page.Keyboard.PressAsync("Escape");
        await Assertions.Expect(page.Locator("aside.drawer")).ToHaveCountAsync(0);
        await Assertions.Expect(page.Locator("#" + second)).ToBeFocusedAsync();

        await page.GoBackAsync();
        await Assertions.Expect(page.Locator("aside.drawer")).ToHaveCountAsync(1);
        Assert.Empty(watched.Complaints);
    }

    [BrowserFact]
    public async Task Runs_EveryFilterChangesTheAddressAndTheList()
    {
        await using WatchedPage watched = await browser.OpenAsync();
        IPage page = watched.Page;
        await page.GotoAsync("/runs");

        await page.SelectOptionAsync("select[name=suite]", "reference");
        await page.WaitForURLAsync(SuiteInQuery());
        await page.SelectOptionAsync("select[name=status]", "failed");
        await page.WaitForURLAsync(StatusInQuery());
        await Assertions.Expect(page.Locator(".chips")).ToContainTextAsync("status: failed"); // the list has followed the address
        await page.FillAsync("main input[type=search][name=q]", "9f3a");
        await page.WaitForURLAsync(SearchInQuery());

        await Assertions.Expect(page.Locator("tbody tr")).ToHaveCountAsync(1);
        await page.ClickAsync(".chips >> text=q: 9f3a");
        await Assertions.Expect(page.Locator("main input[type=search][name=q]")).ToHaveValueAsync("");
        Assert.Empty(watched.Complaints);
    }

    [BrowserFact]
    public async Task Downloads_AllCome()
    {
        await using WatchedPage watched = await browser.OpenAsync();
        IPage page = watched.Page;
        await page.GotoAsync(Run);
        int links = await page.Locator("main a[download]").CountAsync();
        Assert.True(links >= 10, $"{links} downloads");
        for (int i = 0; i < links; i++)
        {
            // The browser holds back an eleventh download of one page; a page that is opened again counts anew.
            if (i % 8 == 0) await page.GotoAsync(Run);
            ILocator link = page.Locator("main a[download]").Nth(i);
            string address = await link.GetAttributeAsync("href") ?? "";
            IDownload? download = null;
            try
            {
                download =
                    await page.RunAndWaitForDownloadAsync(() => link.ClickAsync(),
                        new PageRunAndWaitForDownloadOptions { Timeout = 10_000 });
            }
            catch (TimeoutException)
            {
                Assert.Fail(
                    $"{address} (link {i} of {links}) gave no download; now at {page.Url}; {string.Join("; ", watched.Complaints)}");
            }

            Assert.Null(await download.FailureAsync());
            Assert.True(new FileInfo(await download.PathAsync()).Length > 100, download.SuggestedFilename);
        }
    }

    [BrowserFact]
    public async Task Decide_FollowsALimit()
    {
        await using WatchedPage watched = await browser.OpenAsync();
        IPage page = watched.Page;
        await page.GotoAsync($"/decide?profile=laptop&run={DashboardFixture.FirstRun}");

        await page.FillAsync("input[name='limit.tg_tps.min']", "100000");
        await page.Locator("input[name='limit.tg_tps.min']").PressAsync("Tab");

        await Assertions.Expect(page.Locator("p.lead.warn")).ToBeVisibleAsync();
        Assert.Contains("limit.tg_tps.min=100000", page.Url, StringComparison.Ordinal);
    }

    [BrowserFact]
    public async Task Theme_IsKept()
    {
        await using WatchedPage watched = await browser.OpenAsync();
        IPage page = watched.Page;
        await page.GotoAsync("/settings");

        await page.SelectOptionAsync("select[name=theme]", "dark");
        await page.ClickAsync("text=Save theme");
        await page.GotoAsync("/runs");

        Assert.Equal("dark", await page.GetAttributeAsync("html", "data-theme"));
    }

    [BrowserFact]
    public async Task Login_OpensWhatARoleMay_AndRefusesTheRest()
    {
        await using WatchedPage watched = await browser.OpenAsync();
        IPage page = watched.Page;
        await page.GotoAsync("/login");
        await page.FillAsync("input[name=name]", "operator");
        await page.FillAsync("input[name=password]", "not the password");
        await page.ClickAsync("main button");
        await Assertions.Expect(page.Locator("main .problem")).ToContainTextAsync("wrong");

        await page.FillAsync("input[name=name]", "operator");
        await page.FillAsync("input[name=password]", DashboardFixture.Password);
        await page.ClickAsync("main button");
        await page.GotoAsync("/suites");
        await Assertions.Expect(page.Locator("#add-schedule")).ToBeVisibleAsync();
        await page.GotoAsync("/audit");
        await Assertions.Expect(page.Locator("h1")).ToContainTextAsync("doesn't allow");

        await page.ClickAsync(".rail >> text=Log out");
        await page.GotoAsync("/suites");
        await Assertions.Expect(page.Locator("#add-schedule")).ToHaveCountAsync(0);
    }

    [BrowserFact]
    public async Task Run_ShowsCellAfterCell_WithoutReload()
    {
        const string id = "20261124-030000-reference-11ee";
        RunRecord record = SampleRun.Make(id);
        using RunFolder folder =
            RunFolder.Create(browser.Dashboard.Results, record.Info with { Status = RunStatus.Running, Finished = null });
        using (ResultStore store = ResultStore.Open(browser.Dashboard.Results)) store.IndexRun(folder.Info, folder.Path);
        await using WatchedPage watched = await browser.OpenAsync();
        IPage page = watched.Page;
        await page.GotoAsync("/runs/" + id);
        await page.EvaluateAsync("window.sameDocument = true");
        await Assertions.Expect(page.Locator(".same")).ToContainTextAsync($"running, 0 of {record.Info.CellCount} cells");
        await Assertions.Expect(page.Locator("p.live[data-connected]"))
            .ToHaveCountAsync(1, new LocatorAssertionsToHaveCountOptions { Timeout = 15_000 });

        using (ResultStore store = ResultStore.Open(browser.Dashboard.Results))
        {
            for (int i = 0; i < record.Cells.Length; i++)
            {
                // As the runner does it: the line first, then the index.
                folder.Append(record.Cells[i]);
                store.IndexCell(id, record.Cells[i]);
                if (i is not (3 or 20)) continue;
                await Assertions.Expect(page.Locator(".same"))
                    .ToContainTextAsync($"{i + 1} of {record.Info.CellCount} cells",
                        new LocatorAssertionsToContainTextOptions { Timeout = 15_000 });
            }

            folder.Update(record.Info);
            store.IndexRun(record.Info, folder.Path);
        }

        await Assertions.Expect(page.Locator(".same"))
            .ToContainTextAsync("completed", new LocatorAssertionsToContainTextOptions { Timeout = 15_000 });
        Assert.True(await page.EvaluateAsync<bool>("window.sameDocument === true"));
        Assert.Empty(watched.Complaints);
    }

    [GeneratedRegex("suite=reference")]
    private static partial Regex SuiteInQuery();

    [GeneratedRegex("status=failed")]
    private static partial Regex StatusInQuery();

    [GeneratedRegex("q=9f3a")]
    private static partial Regex SearchInQuery();
}
