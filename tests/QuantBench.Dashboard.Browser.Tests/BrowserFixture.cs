using Microsoft.Playwright;
using QuantBench.Dashboard.Tests;

namespace QuantBench.Dashboard.Browser.Tests;

/// <summary>One browser and one server for all tests.</summary>
public sealed class BrowserFixture : IAsyncLifetime
{
    private static readonly string[] s_flags =
        ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync"];

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public DashboardFixture Dashboard { get; } = new();

    public string Address => Dashboard.Host.Address;

    public async Task InitializeAsync()
    {
        await Dashboard.InitializeAsync();
        if (BrowserTools.Missing is not null) return; // every test is skipped
        _playwright = await Playwright.CreateAsync();
        _browser =
            await _playwright.Chromium.LaunchAsync(
                new BrowserTypeLaunchOptions { ExecutablePath = BrowserTools.Chromium, Args = s_flags, Headless = true });
    }

    /// <summary>A page that fails its test on a script error, a broken policy or a request to elsewhere.</summary>
    public async Task<WatchedPage> OpenAsync(int width = 1280, ColorScheme scheme = ColorScheme.Light)
    {
        IBrowser browser = _browser ?? throw new InvalidOperationException(BrowserTools.Missing ?? "no browser");
        IBrowserContext context =
            await browser.NewContextAsync(
                new BrowserNewContextOptions
                {
                    ViewportSize = new ViewportSize { Width = width, Height = 900 },
                    ColorScheme = scheme,
                    BaseURL = Address,
                    AcceptDownloads = true
                });
        return new WatchedPage(await context.NewPageAsync(), new Uri(Address).Authority);
    }

    public async Task DisposeAsync()
    {
        if (_browser is not null) await _browser.DisposeAsync();
        _playwright?.Dispose();
        await Dashboard.DisposeAsync();
    }
}
