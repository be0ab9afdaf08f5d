using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace QuantBench.Scale;

/// <summary>A tab. Times are the browser's own, from the start of the navigation.</summary>
internal sealed class ChromiumTab : IDisposable
{
    // Notes when the live part of a page has its connection.
    private const string Watch = """
        new MutationObserver((_, self) => {
          if (!document.querySelector('p.live[data-connected]')) return;
          window.qbLive = performance.now();
          self.disconnect();
        }).observe(document, { attributes: true, childList: true, subtree: true });
        """;

    private readonly ClientWebSocket _socket = new();
    private int _last;

    private ChromiumTab()
    {
    }

    public static async Task<ChromiumTab> ConnectAsync(string address, CancellationToken stop)
    {
        var tab = new ChromiumTab();
        await tab._socket.ConnectAsync(new Uri(address), stop);
        await tab.SendAsync("Page.enable", [], stop);
        await tab.SendAsync("Page.addScriptToEvaluateOnNewDocument", new JsonObject { ["source"] = Watch }, stop);
        return tab;
    }

    /// <summary>Opens an address.</summary>
    /// <returns>Milliseconds until its load event had ended, when scripts run and links and forms answer; and until its live part was
    /// connected, NaN without one.</returns>
    public async Task<(double Page, double Live)> OpenAsync(string address, bool live, CancellationToken stop)
    {
        await SendAsync("Page.navigate", new JsonObject { ["url"] = address }, stop);
        string expression =
            $"location.href === {JsonSerializer.Serialize(address)} && document.readyState === 'complete' && "
                + $"performance.getEntriesByType('navigation')[0].loadEventEnd > 0{(live ? " && window.qbLive > 0" : "")}"
            + " ? performance.getEntriesByType('navigation')[0].loadEventEnd + ' ' + (window.qbLive || 'NaN') : ''";
        for (int i = 0; i < 1200; i++)
        {
            if (await EvaluateAsync(expression, stop) is { Length: > 0 } text && text.Split(' ') is [var page, var connected])
                return (double.Parse(page, System.Globalization.CultureInfo.InvariantCulture),
                    double.Parse(connected, System.Globalization.CultureInfo.InvariantCulture));
            await Task.Delay(25, stop);
        }

        throw new InvalidOperationException($"{address}: not loaded after 30 s");
    }

    public void Dispose() => _socket.Dispose();

    private async Task<string?> EvaluateAsync(string expression, CancellationToken stop)
    {
        JsonElement answer =
            await SendAsync("Runtime.evaluate", new JsonObject { ["expression"] = expression, ["returnByValue"] = true }, stop);
        // Between two documents there is nothing to ask.
        return answer.TryGetProperty("result", out JsonElement result) && result.TryGetProperty("result", out JsonElement inner)
            && inner.TryGetProperty("value", out JsonElement value) ? value.ToString() : null;
    }

    private async Task<JsonElement> SendAsync(string method, JsonObject parameters, CancellationToken stop)
    {
        int id = ++_last;
        await _socket.SendAsync(
            JsonSerializer.SerializeToUtf8Bytes(new JsonObject { ["id"] = id, ["method"] = method, ["params"] = parameters }),
            WebSocketMessageType.Text, endOfMessage: true, stop);
        byte[] buffer = new byte[1 << 16];
        while (true)
        {
            using var message = new MemoryStream();
            WebSocketReceiveResult part;
            do
            {
                part = await _socket.ReceiveAsync(buffer, stop);
                message.Write(buffer, 0, part.Count);
            }
            while (!part.EndOfMessage);
            using JsonDocument document = JsonDocument.Parse(message.ToArray());
            if (document.RootElement.TryGetProperty("id", out JsonElement got) && got.GetInt32() == id) return document.RootElement.Clone();
        }
    }
}
