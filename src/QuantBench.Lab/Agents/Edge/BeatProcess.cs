using System.Diagnostics;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Errors;
using QuantBench.Runner.Workers;

namespace QuantBench.Lab.Agents.Edge;

/// <summary>The process that renews an agent's lease, seen from the agent. One that dies is started again.</summary>
/// <param name="command">How it is started.</param>
/// <param name="start">What it is told first.</param>
/// <param name="clock">The one clock.</param>
public sealed class BeatProcess(WorkerCommand command, BeatStart start, TimeProvider clock) : IAsyncDisposable
{
    private static readonly TimeSpan s_again = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private Process? _process;
    private BeatJob _job = new(null, 0);
    private Task? _work;

    /// <summary>Told each answer of the server, with what it is about.</summary>
    public event Action<BeatJob, BeatAnswer>? Answered;

    /// <summary>Starts it.</summary>
    public void Start() => _work = KeepAsync();

    /// <summary>Says what the agent works on.</summary>
    /// <param name="job">The job; null = none.</param>
    /// <param name="epoch">Its number.</param>
    public void Hold(string? job, long epoch)
    {
        lock (_gate)
        {
            _job = new BeatJob(job, epoch);
            if (_process is { } process) Write(process, _job);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        lock (_gate) _process?.StandardInput.Close();
        if (_work is not null) await _work;
        _stop.Dispose();
    }

    private async Task KeepAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await RunAsync();
            }
            catch (Exception e)
                when (e is System.ComponentModel.Win32Exception or InvalidOperationException or JsonException || DiskFault.Is(e))
            {
                // Without it a long measurement may lose its lease, and no result.
            }

            try
            {
                await Task.Delay(s_again, clock, _stop.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task RunAsync()
    {
        var info = new ProcessStartInfo(command.FileName) { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (string argument in command.Arguments) info.ArgumentList.Add(argument);
        using Process process = Process.Start(info) ?? throw new InvalidOperationException("the process can't be started");
        lock (_gate)
        {
            process.StandardInput.WriteLine(JsonSerializer.Serialize(start, Json.Line));
            Write(process, _job);
            _process = process;
            if (_stop.IsCancellationRequested) process.StandardInput.Close();
        }

        try
        {
            while (await process.StandardOutput.ReadLineAsync() is { } line)
            {
                if (JsonSerializer.Deserialize<BeatLine>(line, Json.Line) is { } said) Answered?.Invoke(said.About, said.Answer);
            }
        }
        finally
        {
            lock (_gate) _process = null;
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }

    private static void Write(Process process, BeatJob job)
    {
        try
        {
            process.StandardInput.WriteLine(JsonSerializer.Serialize(job, Json.Line));
            process.StandardInput.Flush();
        }
        catch (IOException)
        {
            // It died; the next one is told.
        }
    }
}
