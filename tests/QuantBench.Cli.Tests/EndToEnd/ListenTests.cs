using QuantBench.Cli.Tests.Faults;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.EndToEnd;

/// <summary>Addresses to listen on, as people write them.</summary>
public sealed class ListenTests : IDisposable
{
    private readonly TemporaryDirectory _results = new();

    public void Dispose() => _results.Dispose();

    [Fact]
    public async Task Dashboard_ListensOnThisMachine_WhenItsAddressIsInIPv6Spelling()
    {
        using LiveCommand server = LiveCommand.Start(
            "dashboard", "--listen", "::ffff:127.0.0.1", "--port", "0", "--results", _results.Path);
        string line = await server.LineAsync(l => l.StartsWith("dashboard:", StringComparison.Ordinal));
        var address = new Uri(line["dashboard:".Length..].Trim());
        using var client = new HttpClient { BaseAddress = address };

        using HttpResponseMessage page = await client.GetAsync("/runs");

        Assert.True(page.IsSuccessStatusCode, $"{address}: {page.StatusCode}");
        Assert.True(address.IsLoopback, $"{address}");
    }

    [Fact]
    public async Task Dashboard_RefusesAnAddressWithAPort()
    {
        (int code, _, string error) = await QuantBenchProcess.RunAsync(
            "dashboard", "--listen", "[::ffff:127.0.0.1]:5000", "--port", "0", "--results", _results.Path);

        Assert.Equal(65, code);
        Assert.Contains("'[::ffff:127.0.0.1]:5000' is not an IP address", error, StringComparison.Ordinal);
    }
}
