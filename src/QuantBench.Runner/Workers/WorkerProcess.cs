using System.Buffers;
using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Inference.Evaluators;

namespace QuantBench.Runner.Workers;

/// <summary>
/// Runs jobs in child processes: one process per job, so that a crash, a hang or a runaway allocation ends that job and nothing else. A
/// child notices its parent's death by the end of its standard input. (The kernel's parent-death signal isn't used: it fires when the
/// thread that started the child ends, and pool threads come and go.)
/// </summary>
/// <param name="command">How a worker is started.</param>
/// <param name="clock">For limits.</param>
public sealed class WorkerProcess(WorkerCommand command, TimeProvider clock)
{
    private const int MaxLineBytes = 256 << 20;
    private const int TailLines = 6;
    // Often while a worker grows, seldom while it measures: a look takes time on a core that the measured loop may need.
    private static readonly TimeSpan s_memoryPoll = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_calmPoll = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_drain = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_death = TimeSpan.FromSeconds(10);

    /// <summary>How long a worker may take to stop by itself before it is killed.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Runs a job to its end.</summary>
    /// <param name="job">The job.</param>
    /// <param name="limits">Its limits.</param>
    /// <param name="logPath">File for its log; null = none.</param>
    /// <param name="progress">Receives what the worker tells.</param>
    /// <param name="cancellationToken">Kills the worker at once.</param>
    /// <exception cref="EngineException">The process couldn't be started.</exception>
    public async Task<WorkerOutcome> RunAsync(
        WorkerJob job, WorkerLimits limits, string? logPath, IProgress<EvaluationProgress> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(limits);
        ArgumentNullException.ThrowIfNull(progress);
        if (cancellationToken.IsCancellationRequested) return new WorkerOutcome.Cancelled();
        long oomKillsBefore = ProcessMemory.OutOfMemoryKills();
        using Process process = Start();
        using var ended = new CancellationTokenSource();
        var state = new State();
        var log = new WorkerLog(logPath);
        Task logs = log.CopyAsync(process.StandardError.BaseStream, ended.Token);
        Task events = ReadEventsAsync(process, state, progress, ended.Token);
        Task exit = process.WaitForExitAsync(CancellationToken.None);
        await using CancellationTokenRegistration stop = cancellationToken.Register(() => Kill(process));
        Task memory = limits.MemoryBytes is { } most ? WatchMemoryAsync(process, most, state, ended.Token) : Task.CompletedTask;
        // Never waited for: a worker that doesn't read is stopped by its limit like any other.
        Task sent = SendAsync(process, JsonSerializer.Serialize(job, WorkerJson.Default.WorkerJob));

        state.TimedOut = !await EndsWithinAsync(exit, limits.Timeout);
        if (state.TimedOut)
        {
            if (sent.IsCompleted) _ = SendAsync(process, WorkerHost.CancelLine);
            if (!await EndsWithinAsync(exit, Grace)) Kill(process);

            // A process that waits inside the kernel, for a device that hangs, outlives even that.
            await EndsWithinAsync(exit, s_death);
        }

        // Somebody else may hold the pipes open (a grandchild); the worker's own words are all in them by now.
        await EndsWithinAsync(Task.WhenAll(events, logs), s_drain);
        await ended.CancelAsync();
        await Task.WhenAll(Quiet(events), Quiet(logs), Quiet(memory));
        if (cancellationToken.IsCancellationRequested && state.Result is null) return new WorkerOutcome.Cancelled();
        return Judge(exit.IsCompleted ? process.ExitCode : null, state, limits, log, oomKillsBefore);
    }

    private static WorkerOutcome Judge(int? code, State state, WorkerLimits limits, WorkerLog log, long oomKillsBefore)
    {
        int exitCode = code ?? 0;
        if (state.OverLimitBytes is { } over)
        {
            return new WorkerOutcome.Failed(
                FailureKind.OutOfMemory,
                $"the worker used {ExitReason.MiB(over)}, more than the cell's memory limit of "
                    + $"{ExitReason.MiB(limits.MemoryBytes ?? 0)}{Where(state)}",
                "Raise the suite's limit or choose a smaller variant.");
        }

        if (state.Result is { } result)
        {
            // What was measured before a library crashed in its own shutdown is still measured; the mark says so.
            return new WorkerOutcome.Finished(exitCode == 0 || state.TimedOut
                ? result
                : result with { Notes = [.. result.Notes, $"after its result {ExitReason.Explain(exitCode, false, null, 0).Reason}"] });
        }

        if (state.TimedOut)
        {
            string alive = code is null ? "; it couldn't be killed and still waits inside the system" : "";
            return new WorkerOutcome.Failed(FailureKind.Timeout,
                $"it took longer than its limit of {Seconds(limits.Timeout)}{Where(state)}{alive}{Tail(log)}",
                "Raise the suite's time limit.");
        }

        if (state.Garbage is { } garbage)
            return new WorkerOutcome.Failed(FailureKind.Error,
                $"the worker wrote something that isn't its protocol: '{garbage}'{Tail(log)}");
        if (state.Error is { } error) return new WorkerOutcome.Failed(FailureKind.Error, error.Message, error.Hint) { IsAnswer = true };
        (FailureKind kind, string reason) = ExitReason.Explain(
            exitCode, ProcessMemory.OutOfMemoryKills() > oomKillsBefore, ProcessMemory.Available(), state.LastResidentBytes);
        return new WorkerOutcome.Failed(kind, reason + Where(state) + Tail(log));
    }

    private static string Where(State state) =>
        state.Last is not { } at ? "" : at.Total > 0 ? $" while at {at.Phase} {at.Done}/{at.Total}" : $" while at {at.Phase}";

    private static string Tail(WorkerLog log) => log.Tail(TailLines) is { Length: > 0 } tail ? $"; last log lines: {tail}" : "";

    private static string Seconds(TimeSpan span) =>
        span.TotalSeconds < 120 ? $"{span.TotalSeconds:0.###} s" : $"{span.TotalMinutes:0.#} min";

    private static async Task SendAsync(Process process, string line)
    {
        try
        {
            await process.StandardInput.BaseStream.WriteAsync(Encoding.UTF8.GetBytes(line + "\n"));
            await process.StandardInput.BaseStream.FlushAsync();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // It died before it read all; its exit says why.
        }
    }

    private static void Kill(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception)
        {
            // It has just ended by itself.
        }
    }

    private static async Task Quiet(Task task)
    {
        try
        {
            await task;
        }
        catch (OperationCanceledException)
        {
            // Ended by us.
        }
    }

    private static async Task ReadEventsAsync(Process process, State state, IProgress<EvaluationProgress> progress,
        CancellationToken cancellationToken)
    {
        Stream output = process.StandardOutput.BaseStream;
        var line = new ArrayBufferWriter<byte>();
        byte[] buffer = new byte[64 << 10];
        int read;
        while ((read = await output.ReadAsync(buffer, cancellationToken)) > 0)
        {
            int from = 0;
            for (int i = 0; i < read; i++)
            {
                if (buffer[i] != (byte)'\n') continue;
                line.Write(buffer.AsSpan(from, i - from));
                from = i + 1;
                if (!Take(line.WrittenMemory, state, progress))
                {
                    Kill(process);
                    return;
                }

                line.Clear();
            }

            line.Write(buffer.AsSpan(from, read - from));
            if (line.WrittenCount <= MaxLineBytes) continue;
            state.Garbage = $"a line longer than {MaxLineBytes >> 20} MiB";
            Kill(process);
            return;
        }

        // A last line without its line feed was cut off by the worker's death.
    }

    private static bool Take(ReadOnlyMemory<byte> line, State state, IProgress<EvaluationProgress> progress)
    {
        switch (WorkerEvent.TryRead(line))
        {
            case WorkerEvent.Started: return true;
            case WorkerEvent.Progress told:
                state.Last = told.Value;
                progress.Report(told.Value);
                return true;
            case WorkerEvent.Result result:
                state.Result = result.Value;
                return true;
            case WorkerEvent.Error error:
                state.Error = error;
                return true;
            default:
                state.Garbage = Encoding.UTF8.GetString(line.Span[..Math.Min(line.Length, 200)]);
                return false;
        }
    }

    private async Task WatchMemoryAsync(Process process, long most, State state, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(s_memoryPoll, clock);
        while (await timer.WaitForNextTickAsync(cancellationToken))
        {
            if (ProcessMemory.Resident(process.Id) is not { } resident) continue;
            timer.Period = resident > state.LastResidentBytes * 1.01 ? s_memoryPoll : s_calmPoll;
            if (resident > 0) state.LastResidentBytes = resident;
            if (resident <= most) continue;
            state.OverLimitBytes = resident;
            Kill(process);
            return;
        }
    }

    private async Task<bool> EndsWithinAsync(Task task, TimeSpan limit)
    {
        using var timer = new CancellationTokenSource();
        Task first = await Task.WhenAny(task, Task.Delay(limit, clock, timer.Token));
        await timer.CancelAsync();
        return first == task;
    }

    private Process Start()
    {
        var info = new ProcessStartInfo(command.FileName)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (string argument in command.Arguments) info.ArgumentList.Add(argument);
        // A worker lives for seconds and its memory is measured: no profile-guided recompilation, no background collector, no diagnostics
        // server, and a first generation of 4 MiB instead of one sized by the CPU's cache.
        info.Environment["DOTNET_TieredPGO"] = "0";
        info.Environment["DOTNET_gcConcurrent"] = "0";
        info.Environment["DOTNET_gcServer"] = "0";
        info.Environment["DOTNET_GCgen0size"] = "400000";
        info.Environment["DOTNET_EnableDiagnostics"] = "0";
        info.Environment["GGML_NO_BACKTRACE"] = "1"; // Its words are what a record can use, not the addresses of its frames.
        try
        {
            return Process.Start(info) ?? throw new EngineException($"the worker '{command.FileName}' couldn't be started.");
        }
        catch (Win32Exception e)
        {
            throw new EngineException($"the worker '{command.FileName}' couldn't be started: {e.Message}", inner: e);
        }
    }

    private sealed class State
    {
        public bool TimedOut { get; set; }

        public long? OverLimitBytes { get; set; }

        public long LastResidentBytes { get; set; }

        public string? Garbage { get; set; }

        public EvaluationProgress? Last { get; set; }

        public WorkerResult? Result { get; set; }

        public WorkerEvent.Error? Error { get; set; }
    }
}
