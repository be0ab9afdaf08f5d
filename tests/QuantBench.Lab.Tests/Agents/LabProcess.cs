using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using QuantBench.TestKit;

namespace QuantBench.Lab.Tests.Agents;

/// <summary>A real <c>quantbench</c> in a process group of its own, that a test may kill, stop and wake.</summary>
internal sealed partial class LabProcess : IDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _said = new();

    private LabProcess(Process process) => _process = process;

    public bool HasExited => _process.HasExited;

    public string Said
    {
        get
        {
            lock (_said) return _said.ToString();
        }
    }

    public static LabProcess Start(IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        // A group of its own, so that a signal reaches what it started.
        var info = new ProcessStartInfo("setsid") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])["dotnet", Path.Combine(AppContext.BaseDirectory, "quantbench.dll"), .. arguments])
            info.ArgumentList.Add(argument);
        info.Environment["QUANTBENCH_ROOT"] = RepositoryRoot.Directory;
        foreach ((string name, string value) in environment) info.Environment[name] = value;
        var process = new LabProcess(new Process { StartInfo = info });
        process._process.OutputDataReceived += (_, e) => process.Take(e.Data);
        process._process.ErrorDataReceived += (_, e) => process.Take(e.Data);
        process._process.Start();
        process._process.BeginOutputReadLine();
        process._process.BeginErrorReadLine();
        return process;
    }

    /// <summary>SIGKILL to the process alone.</summary>
    public void KillNine()
    {
        Send(_process.Id, 9);
        Assert.True(_process.WaitForExit(TimeSpan.FromSeconds(20)));
    }

    /// <summary>SIGSTOP to the process alone; what it started goes on.</summary>
    public void Stop() => Send(_process.Id, 19);

    /// <summary>SIGCONT.</summary>
    public void Wake() => Send(_process.Id, 18);

    public void Dispose()
    {
        if (!_process.HasExited) Send(-_process.Id, 9);
        _process.WaitForExit(TimeSpan.FromSeconds(10));
        _process.Dispose();
    }

    private void Take(string? line)
    {
        if (line is null) return;
        lock (_said) _said.AppendLine(line);
    }

    // Whoever is gone already needs no signal.
    private static void Send(int process, int signal) => _ = SendSignal(process, signal);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int process, int signal);
}
