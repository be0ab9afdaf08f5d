using System.Diagnostics;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.EndToEnd;

/// <summary>The audit of dependencies, with <c>dotnet</c> and <c>npm</c> that say what feeds would.</summary>
public sealed class AuditTests : IDisposable
{
    private const string Clean = "The given project `QuantBench.Core` has no vulnerable packages given the current sources.";
    private const string Found =
        "   > System.Text.Json      8.0.0       8.0.0      High       https://github.com/advisories/GHSA-8g4q-xg66-9fp4";
    private const string Mild =
        "   > System.Text.Json      8.0.0       8.0.0      Moderate   https://github.com/advisories/GHSA-8g4q-xg66-9fp4";

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(Clean, 0, "found 0 vulnerabilities", 0, 0, "NuGet's packages have no known high vulnerability")]
    [InlineData(Mild, 0, "found 0 vulnerabilities", 0, 0, "datasets has no known high vulnerability")]
    [InlineData(Found, 0, "found 0 vulnerabilities", 0, 1, "error: NuGet packages with known high vulnerabilities are in use")]
    [InlineData(Clean, 0, "# npm audit report", 1, 1, "error: datasets uses packages with known high vulnerabilities")]
    [InlineData("warn : NU1900: Error occurred while getting package vulnerability data", 0, "found 0 vulnerabilities", 0, 0,
        "note: NuGet's packages were not audited")]
    [InlineData("error: Unable to load the service index for source https://api.nuget.org/v3/index.json.", 1, "found 0 vulnerabilities",
        0, 0, "note: NuGet's packages were not audited")]
    [InlineData(Clean, 0, "npm error code ENOTFOUND", 1, 0,
        "note: datasets was not audited: npm's feed couldn't be reached (npm error code ENOTFOUND)")]
    public async Task Audit_SaysWhatItFound_OrThatItCouldntLook(string nuget, int nugetCode, string npm, int npmCode, int expected,
        string said)
    {
        if (OperatingSystem.IsWindows()) return; // the script is Bash's
        Program("dotnet", $"[ \"$1\" = --version ] && exit 0\necho '{nuget}'\nexit {nugetCode}");
        Program("npm", $"echo '{npm}'\nexit {npmCode}");
        var start = new ProcessStartInfo("bash") { RedirectStandardError = true, RedirectStandardOutput = true };
        start.ArgumentList.Add(RepositoryRoot.Combine("run-bench.sh"));
        start.ArgumentList.Add("audit");
        start.Environment["PATH"] = $"{_directory.Path}:{Environment.GetEnvironmentVariable("PATH")}";
        start.Environment["QUANTBENCH_CACHE"] = _directory.Combine("cache");

        using Process audit = Process.Start(start) ?? throw new InvalidOperationException("bash didn't start");
        Task<string> output = audit.StandardOutput.ReadToEndAsync();
        string error = await audit.StandardError.ReadToEndAsync();
        await audit.WaitForExitAsync();

        Assert.True(audit.ExitCode == expected, $"{audit.ExitCode}: {await output}{error}");
        Assert.Contains(said, error, StringComparison.Ordinal);
        // What couldn't be looked at is never called clean.
        if (said.StartsWith("note: NuGet", StringComparison.Ordinal))
            Assert.DoesNotContain("NuGet's packages have no known", error, StringComparison.Ordinal);
    }

    private void Program(string name, string script)
    {
        string path = _directory.Combine(name);
        File.WriteAllText(path, $"#!/bin/sh\n{script}\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
