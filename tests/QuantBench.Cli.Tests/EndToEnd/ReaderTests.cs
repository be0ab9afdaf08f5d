using System.Diagnostics;
using System.Runtime.Versioning;
using QuantBench.Cli.Tests.Commands;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.EndToEnd;

/// <summary>An account that may read results and write nothing: lists, comparisons and pages work all the same.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class ReaderTests : IDisposable
{
    private const UnixFileMode Readable = (UnixFileMode)0b101_101_101;

    private readonly StoredRuns _stored = new();
    private readonly TemporaryDirectory _home = new();

    public ReaderTests()
    {
        // The database's own files are the owner's alone, as a server leaves them.
        foreach (string file in Directory.EnumerateFiles(_stored.Path))
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.SetUnixFileMode(_stored.Path, Readable);
        File.SetUnixFileMode(_home.Path, Readable | UnixFileMode.UserWrite | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite);
    }

    public void Dispose()
    {
        File.SetUnixFileMode(_stored.Path, Readable | UnixFileMode.UserWrite);
        _stored.Dispose();
        _home.Dispose();
    }

    [Theory]
    [InlineData("results list", "run-6")]
    [InlineData("results show run-0", "gguf:Q4_K_M")]
    [InlineData("compare run-0 run-6", "run-6 against run-0")]
    [InlineData("trend tg_tps", "in the last 5 runs")]
    public async Task Commands_Read(string line, string part)
    {
        if (!CanBecomeReader()) return;
        using Process process = Start([.. line.Split(' '), "--results", _stored.Path]);
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();

        Assert.True(process.ExitCode is 0 or 3, await error);
        Assert.Contains(part, await output, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Dashboard_ShowsThePages()
    {
        if (!CanBecomeReader()) return;
        using Process process = Start(["dashboard", "--port", "0", "--results", _stored.Path]);
        try
        {
            string address = "", said = "";
            while (await process.StandardOutput.ReadLineAsync() is { } line && !line.StartsWith("Ctrl-C", StringComparison.Ordinal))
            {
                said += line + "\n";
                if (line.StartsWith("dashboard: ", StringComparison.Ordinal)) address = line["dashboard: ".Length..].Trim();
            }

            if (address.Length == 0) Assert.Fail(said + await ErrorAsync(process));
            Assert.Contains("note: this account may not write to the results", said, StringComparison.Ordinal);
            using var client = new HttpClient { BaseAddress = new Uri(address) };
            foreach ((string page, string part) in ((string, string)[])[("/runs", "run-6"), ("/runs/run-0", "gguf:Q4_K_M")])
            {
                try
                {
                    Assert.Contains(part, await client.GetStringAsync(page), StringComparison.Ordinal);
                }
                catch (HttpRequestException e)
                {
                    Assert.Fail($"{page}: {e.Message}: {await ErrorAsync(process)}");
                }
            }
        }
        finally
        {
            process.Kill(entireProcessTree: true);
        }
    }

    private static async Task<string> ErrorAsync(Process process)
    {
        process.Kill(entireProcessTree: true);
        return await process.StandardError.ReadToEndAsync();
    }

    // Permissions don't hold root back; it hands the command to an account that has none.
    private static bool CanBecomeReader() => !Environment.IsPrivilegedProcess || File.Exists("/usr/bin/setpriv");

    private Process Start(string[] arguments)
    {
        string[] program = ["dotnet", Path.Combine(AppContext.BaseDirectory, "quantbench.dll"), .. arguments];
        string[] all = Environment.IsPrivilegedProcess
            ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", .. program] : program;
        var info = new ProcessStartInfo(all[0]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in all[1..]) info.ArgumentList.Add(argument);
        info.Environment["QUANTBENCH_ROOT"] = RepositoryRoot.Directory;
        info.Environment["HOME"] = _home.Path;
        info.Environment["XDG_DATA_HOME"] = _home.Path;
        return Process.Start(info) ?? throw new InvalidOperationException($"{all[0]} can't be started");
    }
}
