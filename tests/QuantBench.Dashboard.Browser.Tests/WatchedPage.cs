using System.Collections.Concurrent;
using Microsoft.Playwright;

namespace QuantBench.Dashboard.Browser.Tests;

/// <summary>A page with everything it complained about.</summary>
public sealed class WatchedPage : IAsyncDisposable
{
    private readonly ConcurrentQueue<string> _complaints = new();

    internal WatchedPage(IPage page, string authority)
    {
        Page = page;
        page.PageError += (_, error) => _complaints.Enqueue("script: " + error);
        page.Console += (_, message) =>
        {
            // Also how the browser reports what the content security policy refused.
            if (message.Type == "error") _complaints.Enqueue("console: " + message.Text);
        };
        page.Request += (_, request) =>
        {
            var uri = new Uri(request.Url);
            if (uri.Scheme is not ("data" or "blob") && uri.Authority != authority) _complaints.Enqueue("request to " + request.Url);
        };
    }

    public IPage Page { get; }

    public IEnumerable<string> Complaints => _complaints;

    public async ValueTask DisposeAsync() => await Page.Context.CloseAsync();
}
