using System.Diagnostics;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.Faults;

public sealed class OwnSignalsTests
{
    // Fails when the tests are started in a shell's background (nohup … &) and nothing mends that: no test could stop what it started.
    [Fact]
    public async Task Children_EndAtCtrlC_HoweverTheTestsWereStarted()
    {
        Assert.False(OwnSignals.IgnoresInterrupt);
        if (OperatingSystem.IsWindows()) return; // signals are Unix's
        using Process child = Process.Start("sleep", "60");
        LiveCommand.Kill(child.Id, LiveCommand.SigInt);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));

        await child.WaitForExitAsync(patience.Token);

        Assert.Equal(128 + LiveCommand.SigInt, child.ExitCode);
    }
}
