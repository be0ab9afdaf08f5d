using System.Buffers.Text;
using System.Globalization;
using Microsoft.Win32.SafeHandles;
using QuantBench.Core.Errors;

namespace QuantBench.Core.Machine;

/// <summary>
/// Counts what disturbs this process, from Linux's <c>/proc/self/task/*/schedstat</c>, <c>/proc/stat</c>, <c>/proc/pressure</c>, the
/// throttle counters and the cores' clocks; elsewhere nothing is known. Files stay open between readings: a reading costs about a
/// microsecond per thread. Not thread-safe.
/// </summary>
/// <param name="clock">The clock.</param>
/// <param name="root">Root directory of the OS's files; null = the machine's.</param>
public sealed class InterferenceReader(TimeProvider clock, string? root = null) : IDisposable
{
    /// <summary>A thread that wanted a core for less of a span than this didn't compute in it.</summary>
    public const double LeastShare = 0.25;

    private const double TicksPerSecond = 100;

    // Threads are looked for again this often; those of an engine are there before it is timed.
    private static readonly TimeSpan s_listEvery = TimeSpan.FromMilliseconds(500);

    private readonly string _root = root ?? "/";
    private readonly MachineFiles _files = new(root ?? "/");
    private readonly Dictionary<string, Watched?> _threads = new(StringComparer.Ordinal); // null: one of the runtime's
    private readonly byte[] _buffer = new byte[4096];
    private long? _listedAt;
    private long? _at;
    private (long Involuntary, long MajorFaults)? _usage;
    private long _coresAt;
    private Ticks? _ticks;
    private string[]? _throttleFiles;
    private string[]? _clockFiles;

    /// <summary>Reads the span since the previous reading; null at the first one and where the OS doesn't tell. Only waits of threads that
    /// compute count: the runtime's own, and such as hardly ran, hold nothing up.</summary>
    public Interference? Next()
    {
        long now = clock.GetTimestamp();
        double seconds = _at is { } before ? clock.GetElapsedTime(before, now).TotalSeconds : 0;
        if (_listedAt is not { } listed || clock.GetElapsedTime(listed, now) >= s_listEvery) List(now);
        (long Involuntary, long MajorFaults)? usage = root is null ? ResourceUsage.Read() : null;
        bool told = false;
        long waited = 0;
        foreach (Watched? thread in _threads.Values)
        {
            if (thread is null || Read(thread.File) is not { } times) continue;
            told = true;
            (long Ran, long Waited) span = (times.Ran - thread.Ran, times.Waited - thread.Waited);
            (thread.Ran, thread.Waited) = times;
            if (span.Ran + span.Waited >= LeastShare * seconds * 1e9) waited += span.Waited;
        }

        Interference? found = told && _at is not null
            ? new Interference(seconds, waited / 1e9, usage?.Involuntary - _usage?.Involuntary, usage?.MajorFaults - _usage?.MajorFaults)
            : null;
        _at = told ? now : null;
        _usage = usage;
        return found;
    }

    /// <summary>What the cores did since the previous call that gave an answer; null at the first one, where the OS doesn't tell, and when
    /// less than <paramref name="least"/> has passed.</summary>
    /// <param name="least">Shortest span: its ticks must be many.</param>
    public CoreUse? NextCores(TimeSpan least)
    {
        long now = clock.GetTimestamp();
        if (_ticks is not null && clock.GetElapsedTime(_coresAt, now) < least) return null;
        Ticks? ticks = ReadTicks();
        CoreUse? use = null;
        if (ticks is { } after && _ticks is { } before)
        {
            double capacity = clock.GetElapsedTime(_coresAt, now).TotalSeconds * TicksPerSecond * after.Cpu.Cores;
            long others = after.Cpu.Busy - before.Cpu.Busy - (after.Cpu.Own - before.Cpu.Own);
            double microseconds = clock.GetElapsedTime(_coresAt, now).TotalMicroseconds;
            use = new CoreUse(Math.Clamp(others / capacity, 0, 1), Math.Clamp((after.Steal - before.Steal) / capacity, 0, 1))
            {
                ThrottleEvents = after.Throttled - before.Throttled,
                FastestMegahertz = Fastest(),
                CpuPressure = Share(after.CpuStalled - before.CpuStalled),
                MemoryPressure = Share(after.MemoryStalled - before.MemoryStalled),
                IoPressure = Share(after.IoStalled - before.IoStalled),
            };

            double? Share(long? stalled) => stalled is { } time && microseconds > 0 ? Math.Clamp(time / microseconds, 0, 1) : null;
        }

        (_coresAt, _ticks) = (now, ticks);
        return use;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Watched? thread in _threads.Values) thread?.File.Dispose();
        _threads.Clear();
    }

    private void List(long now)
    {
        _listedAt = now;
        string tasks = Path.Combine(_root, "proc/self/task");
        HashSet<string> there = [];
        try
        {
            foreach (string path in Directory.EnumerateDirectories(tasks)) there.Add(Path.GetFileName(path));
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            return; // not Linux
        }

        foreach (string gone in _threads.Keys.Where(t => !there.Contains(t)).ToArray())
        {
            _threads[gone]?.File.Dispose();
            _threads.Remove(gone);
        }

        foreach (string thread in there.Where(t => !_threads.ContainsKey(t)))
        {
            try
            {
                _threads[thread] = IsRuntimes(_files.Line($"proc/self/task/{thread}/comm")) ? null
                    : new Watched(File.OpenHandle(Path.Combine(tasks, thread, "schedstat")));
            }
            catch (Exception e) when (DiskFault.Is(e))
            {
                // the thread has ended, or the kernel doesn't count
            }
        }
    }

    // .NET names its threads; those of its pool may compute for somebody. The kernel keeps 15 characters of a name.
    private static bool IsRuntimes(string? name) => name is not null && name.StartsWith(".NET ", StringComparison.Ordinal)
        && !name.StartsWith(".NET TP W", StringComparison.Ordinal) && !name.StartsWith(".NET Long", StringComparison.Ordinal);

    // schedstat: nanoseconds run, nanoseconds waited, time slices.
    private (long Ran, long Waited)? Read(SafeFileHandle handle)
    {
        try
        {
            ReadOnlySpan<byte> text = _buffer.AsSpan(0, RandomAccess.Read(handle, _buffer, 0));
            return Utf8Parser.TryParse(text, out long ran, out int length) && length < text.Length
                && Utf8Parser.TryParse(text[(length + 1)..], out long waited, out _) ? (ran, waited) : null;
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            return null; // the thread has ended
        }
    }

    private Ticks? ReadTicks()
    {
        if (_files.Text("proc/stat") is not { } all || _files.Text("proc/self/stat") is not { } own) return null;
        if (CpuTicks.Parse(all, own) is not { } cpu) return null;
        string[] total = all.Split('\n')[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return new Ticks(cpu, long.TryParse(total[8], out long steal) ? steal : 0, Throttled(), Stalled("cpu"), Stalled("memory"),
            Stalled("io"));
    }

    private long? Throttled()
    {
        _throttleFiles ??= OfCores("thermal_throttle/core_throttle_count");
        return _throttleFiles.Length == 0 ? null : _throttleFiles.Sum(f => _files.Number(f) ?? 0);
    }

    private double? Fastest()
    {
        _clockFiles ??= OfCores("cpufreq/scaling_cur_freq");
        long kilohertz = _clockFiles.Select(f => _files.Number(f) ?? 0).DefaultIfEmpty().Max();
        return kilohertz > 0 ? kilohertz / 1000.0 : null;
    }

    private string[] OfCores(string file) =>
        [.. _files.Names("sys/devices/system/cpu", "cpu*").Select(c => $"sys/devices/system/cpu/{c}/{file}").Where(_files.Exists)];

    // "some avg10=0.00 avg60=0.00 avg300=0.00 total=123": microseconds in which at least one task waited.
    private long? Stalled(string what)
    {
        if (_files.Line($"proc/pressure/{what}") is not { } line) return null;
        int at = line.LastIndexOf("total=", StringComparison.Ordinal);
        return at >= 0 && long.TryParse(line[(at + 6)..], CultureInfo.InvariantCulture, out long total) ? total : null;
    }

    private sealed class Watched(SafeFileHandle file)
    {
        public SafeFileHandle File => file;

        public long Ran { get; set; }

        public long Waited { get; set; }
    }

    private readonly record struct Ticks(CpuTicks Cpu, long Steal, long? Throttled, long? CpuStalled, long? MemoryStalled, long? IoStalled);
}
