using System.Diagnostics;
using System.Runtime.InteropServices;
using QuantBench.TestKit;

namespace QuantBench.Lab.Tests.Queue;

/// <summary>A real <c>quantbench serve</c> that a test may kill.</summary>
internal sealed partial class ServerProcess : IDisposable
{
    private const int Kill = 9;
    private const int Terminate = 15;

    private readonly Process _process;
    private Task<string> _error = Task.FromResult("");

    private ServerProcess(Process process) => _process = process;

    /// <summary>What it said when it had started.</summary>
    public string Said { get; private set; } = "";

    public static async Task<ServerProcess> StartAsync(string results, string cache, string suites)
    {
        Process process = Command("serve", "--port", "0", "--results", results, "--cache", cache, "--suites", suites);
        process.Start();
        var server = new ServerProcess(process);
        string? line;
        var said = new List<string>();
        do
        {
            line = await process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(60));
            said.Add(line ?? $"(ended) {await process.StandardError.ReadToEndAsync()}");
        }
        while (line is not null && !line.StartsWith("Ctrl-C", StringComparison.Ordinal));
        Assert.True(line is not null, string.Join('\n', said));
        server.Said = string.Join('\n', said);
        // Kept empty, or a full pipe would stop the server.
        _ = process.StandardOutput.ReadToEndAsync();
        server._error = process.StandardError.ReadToEndAsync();
        return server;
    }

    public static async Task<string> RunAsync(params string[] arguments)
    {
        using Process process = Command(arguments);
        process.Start();
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, await error);
        return output;
    }

    /// <summary>A page of it.</summary>
    public async Task<string> GetAsync(string page)
    {
        string address = Said.Split('\n').First(l => l.StartsWith("dashboard:", StringComparison.Ordinal))["dashboard:".Length..].Trim();
        using var client = new HttpClient { BaseAddress = new Uri(address) };
        return await client.GetStringAsync(page);
    }

    /// <summary>SIGKILL: no handler runs, nothing is flushed.</summary>
    public void KillNine()
    {
        Assert.Equal(0, SendSignal(_process.Id, Kill));
        Assert.True(_process.WaitForExit(TimeSpan.FromSeconds(20)));
    }

    /// <summary>SIGTERM, as a service manager sends it.</summary>
    /// <returns>The exit code and what went to standard error.</returns>
    public async Task<(int Code, string Error)> TerminateAsync()
    {
        Assert.Equal(0, SendSignal(_process.Id, Terminate));
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(40));
        await _process.WaitForExitAsync(patience.Token);
        return (_process.ExitCode, await _error);
    }

    public void Dispose()
    {
        if (!_process.HasExited) KillNine();
        _process.Dispose();
    }

    private static Process Command(params string[] arguments)
    {
        var info = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        info.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "quantbench.dll"));
        foreach (string argument in arguments) info.ArgumentList.Add(argument);
        info.Environment["QUANTBENCH_ROOT"] = RepositoryRoot.Directory;
        return new Process { StartInfo = info };
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int process, int signal);
}
