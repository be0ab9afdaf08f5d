using Microsoft.Playwright;
using QuantBench.Dashboard.Hosting;
using QuantBench.Dashboard.Tests;
using QuantBench.Lab;
using QuantBench.Results.Folders;
using QuantBench.SampleData;
using QuantBench.TestKit;

namespace QuantBench.Dashboard.Browser.Tests;

/// <summary>A page outlives its server.</summary>
[Collection(BrowserCollection.Name)]
public sealed class RestartTests(BrowserFixture browser) : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [BrowserFact]
    public async Task Page_ComesBackWithNewData_AfterTheServerRestarts()
    {
        Add(DashboardFixture.FirstRun);
        DashboardHost first = await StartAsync(0);
        int port = new Uri(first.Address).Port;
        await using WatchedPage watched = await browser.OpenAsync();
        IPage page = watched.Page;
        await page.GotoAsync(first.Address + "/runs");
        // A circuit that is up answers; only then is its loss noticed.
        await Assertions.Expect(page.Locator("p.live[data-connected]"))
            .ToHaveCountAsync(1, new LocatorAssertionsToHaveCountOptions { Timeout = 15_000 });
        await Assertions.Expect(page.Locator("tbody tr")).ToHaveCountAsync(1);

        await first.DisposeAsync();
        await Assertions.Expect(page.Locator("#components-reconnect-modal"))
            .ToBeVisibleAsync(new LocatorAssertionsToBeVisibleOptions { Timeout = 15_000 });
        await Assertions.Expect(page.Locator("tbody tr")).ToBeVisibleAsync(); // still readable
        Add(DashboardFixture.SecondRun);
        await using DashboardHost second = await StartAsync(port);

        await Assertions.Expect(page.Locator("tbody tr")).ToHaveCountAsync(2, new LocatorAssertionsToHaveCountOptions { Timeout = 30_000 });
    }

    private Task<DashboardHost> StartAsync(int port) => DashboardHost.StartAsync(
        new DashboardOptions
        {
            Lab = new LabOptions
            {
                ResultsRoot = _directory.Combine("results"),
                SuitesDirectory = _directory.Path,
                CacheRoot = _directory.Path
            },
            Version = "test",
            Port = port
        }, CancellationToken.None);

    private void Add(string id)
    {
        RunRecord record = SampleRun.Make(id);
        using RunFolder folder = RunFolder.Create(_directory.Combine("results"), record.Info);
        foreach (Core.Cells.CellResult cell in record.Cells) folder.Append(cell);
    }
}
