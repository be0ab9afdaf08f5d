using QuantBench.TestKit;

namespace QuantBench.Lab.Tests.Queue;

/// <summary>A server that is asked to stop does so.</summary>
public sealed class StoppedServerTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Server_EndsCleanly_WhenTheServiceManagerStopsIt()
    {
        if (OperatingSystem.IsWindows()) return; // SIGTERM is Unix's
        string suites = _directory.Combine("suites");
        Directory.CreateDirectory(suites);
        using ServerProcess server = await ServerProcess.StartAsync(_directory.Combine("results"), _directory.Combine("cache"), suites);

        (int code, string error) = await server.TerminateAsync();

        Assert.Equal(0, code);
        Assert.DoesNotContain("Unhandled exception", error, StringComparison.Ordinal);
    }
}
