using System.Diagnostics;
using QuantBench.Cli.Tests.Commands;
using QuantBench.Dashboard.Accounts;
using QuantBench.Lab.Accounts;
using QuantBench.Lab.State;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.EndToEnd;

/// <summary>What operators do at the command line.</summary>
public sealed class OperatorCommandsTests : IDisposable
{
    private readonly StoredRuns _stored = new();

    public void Dispose() => _stored.Dispose();

    [Fact]
    public async Task Delete_MovesTheRunToTheTrash_AndTheAuditLogKnows()
    {
        (int code, string output, string error) = await QuantBenchProcess.RunAsync("results", "delete", "run-3", "--results", _stored.Path);

        Assert.True(code == 0, error);
        Assert.False(Directory.Exists(Path.Combine(_stored.Path, "run-3")));
        Assert.True(Directory.Exists(Path.Combine(_stored.Path, ".trash", "run-3")));
        AuditEntry line = Assert.Single(new AuditLog(LabDatabase.Open(_stored.Path), TimeProvider.System).Read("run.remove"));
        Assert.Equal("run-3", line.Object);
        Assert.StartsWith("command line (", line.Actor, StringComparison.Ordinal);
        (_, string list, _) = await QuantBenchProcess.RunAsync("results", "list", "--results", _stored.Path);
        Assert.DoesNotContain("run-3", list, StringComparison.Ordinal);
        (code, _, _) = await QuantBenchProcess.RunAsync("results", "delete", "run-3", "--results", _stored.Path);
        Assert.Equal(65, code);
        // The hint works as it is.
        const string Back = "to take it back: mv ";
        string back = output.Split('\n').First(l => l.StartsWith(Back, StringComparison.Ordinal))[Back.Length..];
        string[] parts = back.Split(" && ")[0].Split(' ');
        Directory.Move(parts[0], Path.Combine(parts[1], "run-3"));
        (code, output, _) = await QuantBenchProcess.RunAsync("results", "reindex", "--results", _stored.Path);
        Assert.Equal(0, code);
        Assert.StartsWith("7 runs", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Password_IsReplaced_AndLoginsEnd()
    {
        var accounts = new AccountStore(LabDatabase.Open(_stored.Path));
        Assert.True(accounts.Add(AccountMaker.Make("ada", "a first long password", Role.Admin, TimeProvider.System)));
        Account before = accounts.FindByName("ADA")!; // just made

        (int code, string output, string error) = await InputAsync("a second long password\n", "accounts", "password", "ada");

        Assert.True(code == 0, error);
        Assert.Contains("ada has another password", output, StringComparison.Ordinal);
        Account after = accounts.FindByName("ADA")!; // still there
        Assert.NotEqual(before.PasswordHash, after.PasswordHash);
        Assert.NotEqual(before.Stamp, after.Stamp);
        Assert.Single(new AuditLog(LabDatabase.Open(_stored.Path), TimeProvider.System).Read("account.password"));
        (code, _, error) = await InputAsync("short\n", "accounts", "password", "ada");
        Assert.Equal(65, code);
        Assert.Contains("12 to 256 characters", error, StringComparison.Ordinal);
        (code, _, _) = await InputAsync("a third long password\n", "accounts", "password", "nobody");
        Assert.Equal(65, code);
    }

    [Fact]
    public async Task Backup_CopiesRunsAndTheLab_AndNotTheIndex()
    {
        if (!File.Exists("/usr/bin/sqlite3")) return; // the script says so
        Assert.True(new AccountStore(LabDatabase.Open(_stored.Path)).Add(
            AccountMaker.Make("ada", "a first long password", Role.Admin, TimeProvider.System)));
        using var target = new TemporaryDirectory();
        var info = new ProcessStartInfo(RepositoryRoot.Combine("deploy", "backup.sh")) { RedirectStandardError = true };
        info.ArgumentList.Add(_stored.Path);
        info.ArgumentList.Add(target.Combine("copy"));
        for (int times = 0; times < 2; times++) // the second brings up to date
        {
            using Process process = Process.Start(info) ?? throw new InvalidOperationException("the script can't be started");
            string error = await process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync();
            Assert.True(process.ExitCode == 0, error);
        }

        Assert.False(File.Exists(target.Combine("copy/runs/results.db")));
        string restored = target.Combine("restored");
        Directory.Move(target.Combine("copy/runs"), restored);
        File.Copy(target.Combine("copy/lab.db"), Path.Combine(restored, "lab.db"));
        (int code, string output, _) = await QuantBenchProcess.RunAsync("results", "reindex", "--results", restored);
        Assert.Equal(0, code);
        Assert.StartsWith("7 runs", output, StringComparison.Ordinal);
        Assert.Equal("ada", Assert.Single(new AccountStore(LabDatabase.Open(restored)).List()).Name);
    }

    private Task<(int Code, string Output, string Error)> InputAsync(string input, params string[] arguments) =>
        QuantBenchProcess.RunAsync([], [.. arguments, "--password-stdin", "--results", _stored.Path], input);
}
