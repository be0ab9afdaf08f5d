using System.Diagnostics;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests;

/// <summary>The real command, as a user starts it.</summary>
internal static class QuantBenchProcess
{
    /// <summary>Runs it to its end.</summary>
    public static Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments) => RunAsync([], arguments);

    /// <summary>Runs it to its end, with variables of its environment changed and something on its standard input.</summary>
    public static async Task<(int Code, string Output, string Error)> RunAsync((string Name, string? Value)[] environment,
        string[] arguments, string? input = null)
    {
        var info = new ProcessStartInfo("dotnet")
        {
            RedirectStandardInput = input is not null,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        info.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "quantbench.dll"));
        foreach (string argument in arguments) info.ArgumentList.Add(argument);
        info.Environment["QUANTBENCH_ROOT"] = RepositoryRoot.Directory;
        foreach ((string name, string? value) in environment) info.Environment[name] = value;
        using Process process = Process.Start(info) ?? throw new InvalidOperationException("dotnet can't be started");
        if (input is not null)
        {
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
        }

        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }
}
