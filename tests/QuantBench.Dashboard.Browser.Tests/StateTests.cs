using Microsoft.Playwright;
using QuantBench.Dashboard.Tests;

namespace QuantBench.Dashboard.Browser.Tests;

/// <summary>Every state of a page is an address: reached by keyboard, replayed by the browser's back, the same when it is opened
/// anew.</summary>
[Collection(BrowserCollection.Name)]
public sealed class StateTests(BrowserFixture browser)
{
    private const string Run = "/runs/" + DashboardFixture.FirstRun;

    [BrowserFact]
    public async Task Run_ShowsDifferences_ByKeyboard_AndComesBack()
    {
        await using WatchedPage watched = await browser.OpenAsync();
        IPage page = watched.Page;
        await page.GotoAsync(Run + "?metric=tg_tps");

        await page.FocusAsync("select[name=base]");
        await Assertions.Expect(page.Locator("select[name=base]")).ToBeFocusedAsync();
        await page.SelectOptionAsync("select[name=base]", "gguf:F16");
        await Assertions.Expect(page.Locator("a.cell.d10")).Not.ToHaveCountAsync(0);
        Assert.Contains("base=gguf%3AF16", page.Url, StringComparison.Ordinal);

        string address = page.Url;
        await page.FocusAsync("[role=grid] a.cell[tabindex='0']");
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page.Locator("aside.drawer .big")).ToBeVisibleAsync();
        await page.GoBackAsync();
        await Assertions.Expect(page.Locator("aside.drawer")).ToHaveCountAsync(0);
        await Assertions.Expect(page.Locator("a.cell.d10")).Not.ToHaveCountAsync(0);
        await page.GoBackAsync();
        await Assertions.Expect(page.Locator("a.cell.h8")).Not.ToHaveCountAsync(0);

        await page.GotoAsync(address);
        await Assertions.Expect(page.Locator("select[name=base]")).ToHaveValueAsync("gguf:F16");
        Assert.Empty(watched.Complaints);
    }

    [BrowserFact]
    public async Task AFailedCell_OpensItsDrawer_WithReasonLogAndWhatToDo()
    {
        await using WatchedPage watched = await browser.OpenAsync();
        IPage page = watched.Page;
        await page.GotoAsync(Run + "?metric=perplexity");

        await page.FocusAsync("a.cell.f");
        await page.Keyboard.PressAsync("Enter");

        ILocator drawer = page.Locator("aside.drawer");
        await Assertions.Expect(drawer).ToContainTextAsync("the quantizer needs an importance matrix");
        await Assertions.Expect(drawer).ToContainTextAsync($"./run-bench.sh resume {DashboardFixture.FirstRun} --retry-failed");
        await Assertions.Expect(drawer.Locator("pre").First).ToContainTextAsync("the last line of the log");
        Assert.Empty(watched.Complaints);
    }

    [BrowserFact]
    public async Task Compare_TakesInAThirdSide_AndLetsItGo()
    {
        await using WatchedPage watched = await browser.OpenAsync();
        IPage page = watched.Page;
        await page.GotoAsync($"/compare?a={DashboardFixture.FirstRun}:gguf:F16&b={DashboardFixture.FirstRun}:gguf:Q8_0");
        await Assertions.Expect(page.Locator("form.vs fieldset")).ToHaveCountAsync(2);

        await page.FocusAsync("text=Add a candidate");
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page.Locator("form.vs fieldset")).ToHaveCountAsync(3);
        await Assertions.Expect(page.Locator("table.many").First).ToBeVisibleAsync();

        // The form sends the three sides again as they are picked.
        await page.Locator("form.vs fieldset").Nth(2).Locator("select").Nth(1).SelectOptionAsync(":gguf:Q2_K");
        await page.ClickAsync("form.vs button.main");
        await Assertions.Expect(page.Locator("table.many thead").First).ToContainTextAsync("gguf:Q2_K");
        Assert.Equal(2, page.Url.Split("&b=").Length - 1);

        await page.ClickAsync("[aria-label='Make Candidate 1 the base']");
        await Assertions.Expect(page.Locator(".lead")).ToContainTextAsync("Against gguf:Q8_0");
        await page.ClickAsync("[aria-label='Remove Candidate 2']");
        await Assertions.Expect(page.Locator("form.vs fieldset")).ToHaveCountAsync(2);
        await page.GoBackAsync();
        await Assertions.Expect(page.Locator("form.vs fieldset")).ToHaveCountAsync(3);
        Assert.Empty(watched.Complaints);
    }

    [BrowserFact]
    public async Task Compare_KeepsBeforeAndAfter_OnASmallLaptop()
    {
        await using WatchedPage watched = await browser.OpenAsync(width: 1024);
        await watched.Page.GotoAsync($"/compare?a={DashboardFixture.FirstRun}&b={DashboardFixture.SecondRun}");

        foreach (string head in (string[])["Before", "After", "Difference", "Verdict"])
        {
            ILocator column = watched.Page.GetByRole(AriaRole.Columnheader, new PageGetByRoleOptions { Name = head, Exact = true }).First;
            LocatorBoundingBoxResult? box = await column.BoundingBoxAsync();
            Assert.True(box is { Width: > 0 } && box.X + box.Width <= 1024, $"{head}: {box?.X} + {box?.Width}");
        }
    }

    [BrowserFact]
    public async Task Compare_NarrowsToAMetric_AndSwapsPictureAndTable()
    {
        await using WatchedPage watched = await browser.OpenAsync();
        IPage page = watched.Page;
        await page.GotoAsync($"/compare?a={DashboardFixture.FirstRun}&b={DashboardFixture.SecondRun}");

        await page.SelectOptionAsync("select[name=metric]", "ttft");
        await Assertions.Expect(page.Locator("#backends-head")).ToHaveTextAsync("Time to first token on every backend");
        await page.ClickAsync("#distribution >> text=Table");
        await Assertions.Expect(page.Locator("#distribution table")).ToContainTextAsync("Median");
        Assert.Contains("metric=ttft", page.Url, StringComparison.Ordinal);

        await page.GoBackAsync();
        await Assertions.Expect(page.Locator("#distribution svg.qb-plot").First).ToBeVisibleAsync();
        Assert.Empty(watched.Complaints);
    }

    [BrowserFact]
    public async Task Runs_ShowPickedColumns_KeepFilters_AndComeBack()
    {
        await using WatchedPage watched = await browser.OpenAsync();
        IPage page = watched.Page;
        await page.GotoAsync("/runs?suite=reference");

        await page.FocusAsync("#columns summary");
        await page.Keyboard.PressAsync("Enter");
        await page.FocusAsync("input[value=governor]");
        await page.Keyboard.PressAsync("Space");
        await page.ClickAsync("text=Show columns");
        await Assertions.Expect(page.Locator("thead")).ToContainTextAsync("Governor");
        Assert.Contains("cols=governor", page.Url, StringComparison.Ordinal);
        Assert.Contains("suite=reference", page.Url, StringComparison.Ordinal);

        await page.GoBackAsync();
        await Assertions.Expect(page.Locator("thead")).Not.ToContainTextAsync("Governor");
        Assert.Empty(watched.Complaints);
    }

    [BrowserFact]
    public async Task AnOperator_EditsTagsInTheList_AndAcknowledgesAChange()
    {
        await using WatchedPage watched = await browser.OpenAsync();
        IPage page = watched.Page;
        await page.GotoAsync("/login");
        await page.FillAsync("input[name=name]", "operator");
        await page.FillAsync("input[name=password]", DashboardFixture.Password);
        await page.ClickAsync("main button");
        string run = DriftRuns.Id(2, DriftRuns.SteadyMachine);

        await page.GotoAsync("/runs?suite=nightly");
        await page.ClickAsync($"[aria-label='Edit note and tags of {run}']");
        await page.FillAsync("#edit input[name=tags]", "from the list");
        await page.ClickAsync("#edit >> text=Save note");
        await Assertions.Expect(page.Locator("tbody")).ToContainTextAsync("from the list");
        Assert.EndsWith("/runs?suite=nightly", page.Url, StringComparison.Ordinal);

        await page.GotoAsync("/trends?days=3650&suite=nightly&variant=gguf:Q8_0&metric=pp_tps&review=open");
        await page.ClickAsync("#changes summary");
        await page.FillAsync("#changes input[name=note]", "governor");
        await page.ClickAsync("#changes button");
        await Assertions.Expect(page.Locator("#changes")).ToContainTextAsync("Somebody has looked at every change");
        await page.ClickAsync("#changes >> text=Show all");
        await Assertions.Expect(page.Locator("#changes")).ToContainTextAsync("acknowledged by operator");
        Assert.Empty(watched.Complaints);
    }

    [BrowserFact]
    public async Task Trends_StackMachines_OnOneAxis_UntilAskedForRunAfterRun()
    {
        await using WatchedPage watched = await browser.OpenAsync();
        IPage page = watched.Page;
        await page.GotoAsync("/trends?days=3650&suite=nightly&variant=gguf:Q4_0");
        await Assertions.Expect(page.Locator(".wide svg.qb-plot")).ToHaveCountAsync(1);
        await Assertions.Expect(page.Locator(".wide svg.qb-plot > g")).ToHaveCountAsync(2);

        await page.SelectOptionAsync("select[name=axis]", "runs");
        await Assertions.Expect(page.Locator("main")).ToContainTextAsync("last 3650 days, run after run");
        await page.GoBackAsync();
        await Assertions.Expect(page.Locator("main")).ToContainTextAsync("one axis of time");
        Assert.Empty(watched.Complaints);
    }

    [BrowserFact]
    public async Task Decide_Downloads_WhatItShows()
    {
        await using WatchedPage watched = await browser.OpenAsync();
        IPage page = watched.Page;
        await page.GotoAsync($"/decide?profile=laptop&run={DashboardFixture.FirstRun}&y=ppl_rise&limit.ppl_rise.max=1");

        IDownload download = await page.RunAndWaitForDownloadAsync(() => page.Locator("#front-1 a[download] >> text=SVG").ClickAsync());

        Assert.Contains("ppl_rise ≤ 1", await File.ReadAllTextAsync(await download.PathAsync()), StringComparison.Ordinal);
        Assert.Empty(watched.Complaints);
    }
}
