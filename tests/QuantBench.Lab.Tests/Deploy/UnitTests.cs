using System.Diagnostics;
using QuantBench.TestKit;

namespace QuantBench.Lab.Tests.Deploy;

/// <summary>The units for systemd are units, by systemd's own word, where it is installed.</summary>
public sealed class UnitTests
{
    private const string Verifier = "/usr/bin/systemd-analyze";
    private const string Program = "/opt/quantbench/run-bench.sh"; // isn't on this machine

    [Theory]
    [InlineData("quantbench.service")]
    [InlineData("quantbench-agent.service")]
    public async Task Unit_IsVerified(string name)
    {
        if (!File.Exists(Verifier)) return;
        using var folder = new TemporaryDirectory();
        string text = await File.ReadAllTextAsync(RepositoryRoot.Combine("deploy", name));
        Assert.Contains($"ExecStart={Program} ", text, StringComparison.Ordinal);
        await File.WriteAllTextAsync(folder.Combine(name), text.Replace(Program, "/bin/true", StringComparison.Ordinal));
        var info = new ProcessStartInfo(Verifier, ["verify", folder.Combine(name)])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };

        using Process process = Process.Start(info) ?? throw new InvalidOperationException("it can't be started");
        string said = await process.StandardError.ReadToEndAsync() + await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();

        // What it says about other units of the machine is theirs.
        Assert.DoesNotContain(said.Split('\n'), l => l.Contains(name, StringComparison.Ordinal));
        Assert.Equal(0, process.ExitCode);
    }
}
