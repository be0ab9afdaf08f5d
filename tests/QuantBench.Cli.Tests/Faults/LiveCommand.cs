using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.Faults;

/// <summary>The real command in a process of its own, watched line by line.</summary>
internal sealed partial class LiveCommand : IDisposable
{
    public const int SigInt = 2;
    public const int SigKill = 9;
    public const int SigSegv = 11;
    public const int SigStop = 19;

    /// <summary>Far beyond what any case needs on a busy machine; reaching it is a failure with the output so far.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly Lock _gate = new();
    private readonly List<(Func<string, bool> Wanted, TaskCompletionSource<string> Found)> _waits = [];

    private LiveCommand(Process process)
    {
        _process = process;
        _process.OutputDataReceived += (_, e) => OnLine(e.Data);
        _process.ErrorDataReceived += (_, e) => OnLine(e.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public int Id => _process.Id;

    public string Output
    {
        get
        {
            lock (_gate) return _output.ToString();
        }
    }

    public static LiveCommand Start(params string[] arguments)
    {
        string app = Path.Combine(AppContext.BaseDirectory, "quantbench.dll");
        var start = new ProcessStartInfo("dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            Environment = { ["QUANTBENCH_ROOT"] = RepositoryRoot.Directory, ["QUANTBENCH_LOCK"] = "off" },
        };
        start.ArgumentList.Add(app);
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        return new LiveCommand(Process.Start(start) ?? throw new InvalidOperationException("dotnet didn't start"));
    }

    /// <summary>Runs the command to its end.</summary>
    public static async Task<(int Code, string Output)> RunAsync(params string[] arguments)
    {
        using LiveCommand process = Start(arguments);
        int code = await process.EndAsync();
        return (code, process.Output);
    }

    /// <summary>Waits for a line; a line that already came counts.</summary>
    public async Task<string> LineAsync(Func<string, bool> wanted)
    {
        TaskCompletionSource<string> found = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            string? old = _output.ToString().Split('\n').FirstOrDefault(wanted);
            if (old is not null) return old;
            _waits.Add((wanted, found));
        }

        Task ended = _process.WaitForExitAsync();
        Task first = await Task.WhenAny(found.Task, ended, Task.Delay(s_patience));
        if (first == found.Task) return await found.Task;
        throw new InvalidOperationException(
            $"the line never came ({(first == ended ? "the command ended" : "time ran out")}); output:\n{Output}");
    }

    /// <summary>Waits for the end and returns the exit code.</summary>
    public async Task<int> EndAsync()
    {
        using var patience = new CancellationTokenSource(s_patience);
        try
        {
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            throw new InvalidOperationException($"the command didn't end; output:\n{Output}");
        }

        return _process.ExitCode;
    }

    /// <summary>Its own children that were started with a word as their first argument.</summary>
    public int[] Children(string word) =>
        [.. Children(_process.Id).Where(c => CommandLine(c).Contains("\0" + word, StringComparison.Ordinal))];

    public void Signal(int signal) => Kill(_process.Id, signal);

    /// <summary>The worker process of the running cell.</summary>
    public async Task<int> WorkerAsync()
    {
        long until = Environment.TickCount64 + (long)s_patience.TotalMilliseconds;
        while (Environment.TickCount64 < until)
        {
            if (Children(_process.Id).FirstOrDefault(IsWorker) is > 0 and var worker)
            {
                // The worker of the cell before may still be on its way out; the long cell's is there for seconds.
                await Task.Delay(1000);
                if (Children(_process.Id).Contains(worker) && IsAlive(worker)) return worker;
            }

            await Task.Delay(10);
        }

        throw new InvalidOperationException($"no worker appeared; output:\n{Output}");
    }

    public static void Kill(int process, int signal) => _ = LibcKill(process, signal);

    /// <summary>
    /// A segmentation fault of native code. The runtime answers the first one by restoring the default action and letting the instruction
    /// fault again, so the signal is sent, as a fault would be, until the process is gone.
    /// </summary>
    public static async Task SegfaultAsync(int process)
    {
        for (int i = 0; i < 100 && IsAlive(process); i++)
        {
            NativeThreads(process).ForEach(thread => _ = LibcKillThread(process, thread, SigSegv));
            await Task.Delay(100);
        }
    }

    /// <summary>Waits until a process is gone.</summary>
    public static async Task<bool> GoneAsync(int process)
    {
        for (int i = 0; i < 1500 && IsAlive(process); i++) await Task.Delay(20);
        return !IsAlive(process);
    }

    public static bool IsAlive(int process) =>
        LibcKill(process, 0) == 0 && !StatusOf(process).Contains("\nState:\tZ", StringComparison.Ordinal);

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }

    private static IEnumerable<int> Children(int parent)
    {
        foreach (string directory in Directory.GetDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out int id)
                && StatusOf(id).Contains($"\nPPid:\t{parent}\n", StringComparison.Ordinal)) yield return id;
        }
    }

    // Threads that native code started bear their starter's name; the runtime names its own, and takes a signal in managed code for a null
    // reference.
    private static List<int> NativeThreads(int process)
    {
        try
        {
            string name = File.ReadAllText($"/proc/{process}/comm");
            return
            [
                .. Directory.GetDirectories($"/proc/{process}/task").Where(t => File.ReadAllText(Path.Combine(t, "comm")) == name)
                    .Select(t => int.Parse(Path.GetFileName(t), CultureInfo.InvariantCulture)).Where(t => t != process),
            ];
        }
        catch (IOException)
        {
            return []; // it ended in between
        }
    }

    private static bool IsWorker(int process) => CommandLine(process).Contains("\0worker", StringComparison.Ordinal);

    private static string CommandLine(int process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/cmdline");
        }
        catch (IOException)
        {
            return ""; // it ended in between
        }
    }

    private static string StatusOf(int process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/status");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int LibcKill(int process, int signal);

    [LibraryImport("libc", EntryPoint = "tgkill")]
    private static partial int LibcKillThread(int process, int thread, int signal);

    private void OnLine(string? line)
    {
        if (line is null) return;
        lock (_gate)
        {
            _output.Append(line).Append('\n');
            for (int i = _waits.Count - 1; i >= 0; i--)
            {
                if (!_waits[i].Wanted(line)) continue;
                _waits[i].Found.TrySetResult(line);
                _waits.RemoveAt(i);
            }
        }
    }
}
