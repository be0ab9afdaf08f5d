using System.Diagnostics;
using QuantBench.Cli.Commands;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.Commands;

/// <summary>Completion by real shells of the real command, where they are installed.</summary>
public sealed class CompletionTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("resu", "results resume")]
    [InlineData("results reind", "reindex")]
    [InlineData("run qui", "quick")]
    [InlineData("recommend latest --profile lapt", "laptop")]
    [InlineData("models synthesize --like smollm2-1", "smollm2-135m")]
    [InlineData("run --threa", "--threads")]
    public async Task Bash_CompletesCommandsOptionsAndNames(string typed, string expected)
    {
        string command = Command();
        string[] words = $"{command} {typed}".Split(' ');

        (int code, string output, string error) = await ShellAsync("bash", "-c", $$"""
            source <("{{command}}" completion bash)
            COMP_LINE='{{command}} {{typed}}'; COMP_POINT=${#COMP_LINE}
            COMP_WORDS=({{string.Join(' ', words)}}); COMP_CWORD={{words.Length - 1}}
            _quantbench
            printf '%s\n' "${COMPREPLY[@]}"
            """);

        Assert.True(code == 0, error);
        Assert.Equal("", error);
        Assert.Equal(expected.Split(' '), output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("fish", "-c", "source; complete -C 'COMMAND resu'")]
    [InlineData("zsh", "-n")]
    [InlineData("bash", "-n")]
    public async Task OtherShells_TakeTheirScript(string shell, params string[] arguments)
    {
        if (!Has(shell)) return; // bash is everywhere that tests run
        string command = Command();
        string script = _folder.Combine("script");
        File.WriteAllText(script, CompletionCommand.Script(shell, command));
        string[] given = arguments is ["-n"] ? ["-n", script]
            : ["-c", $"source {script}; complete -C '{command} resu'"];

        (int code, string output, string error) = await ShellAsync(shell, given);

        Assert.True(code == 0, error);
        if (shell == "fish") Assert.Contains("resume", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bash", "./run-bench.sh", "complete -o default -F _quantbench ./run-bench.sh run-bench.sh")]
    [InlineData("zsh", "quantbench", "#compdef quantbench\n")]
    [InlineData("fish", "quantbench", "for name in quantbench\n")]
    [InlineData("powershell", @".\run-bench.ps1", @"-CommandName ")]
    public void Script_IsForTheCommandAsCalled(string shell, string name, string part) =>
        Assert.Contains(part, CompletionCommand.Script(shell, name), StringComparison.Ordinal);

    private static bool Has(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Any(d => File.Exists(Path.Combine(d, program)));

    private static async Task<(int Code, string Output, string Error)> ShellAsync(string shell, params string[] arguments)
    {
        var info = new ProcessStartInfo(shell)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (string argument in arguments) info.ArgumentList.Add(argument);
        info.Environment["QUANTBENCH_ROOT"] = RepositoryRoot.Directory;
        using Process process = Process.Start(info) ?? throw new InvalidOperationException($"{shell} can't be started");
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }

    // As it lies on PATH once it is installed.
    private string Command()
    {
        string path = _folder.Combine("quantbench");
        File.WriteAllText(path, $"#!/bin/sh\nexec dotnet \"{Path.Combine(AppContext.BaseDirectory, "quantbench.dll")}\" \"$@\"\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }
}
