using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Errors;
using QuantBench.Core.Machine;

namespace QuantBench.Lab.Agents.Edge;

/// <summary>How a <see cref="Beater"/> starts: the first line on its standard input.</summary>
/// <param name="Server">The server.</param>
/// <param name="Key">The machine's key.</param>
/// <param name="Instance">Its installation.</param>
/// <param name="Seconds">How often it speaks.</param>
/// <param name="Agent">Process id of the agent.</param>
public sealed record BeatStart(Uri Server, string Key, string Instance, double Seconds, int Agent);

/// <summary>What the agent works on: every further line.</summary>
/// <param name="Job">The job; null = none.</param>
/// <param name="Epoch">Its number.</param>
public sealed record BeatJob(string? Job, long Epoch);

/// <summary>
/// The inside of the small process that renews an agent's lease: a machine that a measurement starves keeps its lease all the same, and one
/// whose agent is stopped doesn't. It keeps to one core, the last of those it may use, and ends with its standard input.
/// </summary>
/// <param name="input">Receives its jobs.</param>
/// <param name="output">Says what the server answers, a line each.</param>
/// <param name="clock">The one clock.</param>
public sealed class Beater(TextReader input, TextWriter output, TimeProvider clock)
{
    private volatile BeatJob _job = new(null, 0);

    /// <summary>Works until its input ends.</summary>
    public async Task RunAsync()
    {
        KeepToOneCore();
        if (await input.ReadLineAsync() is not { } first || JsonSerializer.Deserialize<BeatStart>(first, Json.Line) is not { } start)
            return;
        using var link = new AgentLink(start.Server, start.Key);
        using var ended = new CancellationTokenSource();
        using var woken = new SemaphoreSlim(0, 1);
        Task beats = BeatAsync(start, link, woken, ended.Token);
        while (await input.ReadLineAsync(ended.Token) is { } line)
        {
            _job = JsonSerializer.Deserialize<BeatJob>(line, Json.Line) ?? _job;
            if (woken.CurrentCount == 0) woken.Release();
        }

        await ended.CancelAsync();
        await beats;
    }

    private async Task BeatAsync(BeatStart start, AgentLink link, SemaphoreSlim woken, CancellationToken stop)
    {
        var conditions = new MachineConditions(clock);
        TimeSpan every = TimeSpan.FromSeconds(start.Seconds);
        while (!stop.IsCancellationRequested)
        {
            try
            {
                BeatJob job = _job;
                if (!IsStopped(start.Agent))
                {
                    BeatAnswer? answer = await link.PostAsync<AgentBeat, BeatAnswer>("agent/beat",
                        new AgentBeat(start.Instance, job.Job, job.Epoch, conditions.Read()), stop);
                    if (answer is not null)
                    {
                        await output.WriteLineAsync(JsonSerializer.Serialize(new BeatLine(job, answer), Json.Line));
                        await output.FlushAsync(stop);
                    }
                }
            }
            catch (Exception e) when (e is HttpRequestException or QuantBenchException)
            {
                // The agent says so itself; the next beat may get through.
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (IOException)
            {
                return; // nobody listens any more
            }

            try
            {
                await woken.WaitAsync(every, stop);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    // A stopped agent (SIGSTOP, a frozen container) isn't a busy one: its machine may wake up in a week.
    private static bool IsStopped(int process)
    {
        if (!OperatingSystem.IsLinux()) return false;
        try
        {
            string stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/stat"));
            int behind = stat.LastIndexOf(')');
            return behind > 0 && behind + 2 < stat.Length && stat[behind + 2] is 'T' or 't';
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            return true; // it is gone, and this process ends with the pipe
        }
    }

    private static void KeepToOneCore()
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsWindows()) return;
        try
        {
            using Process self = Process.GetCurrentProcess();
            ulong allowed = (ulong)self.ProcessorAffinity;
            if (allowed != 0) self.ProcessorAffinity = (nint)(1UL << System.Numerics.BitOperations.Log2(allowed));
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or PlatformNotSupportedException or InvalidOperationException)
        {
            // It takes a few milliseconds of a core every few seconds, wherever that is.
        }
    }
}

/// <summary>What a <see cref="Beater"/> says.</summary>
/// <param name="About">What it spoke of.</param>
/// <param name="Answer">The server's answer.</param>
public sealed record BeatLine(BeatJob About, BeatAnswer Answer);
