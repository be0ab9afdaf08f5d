using System.Buffers.Text;
using Microsoft.Win32.SafeHandles;
using QuantBench.Core.Errors;

namespace QuantBench.Core.Machine;

/// <summary>
/// Counts what disturbs this process, from Linux's <c>/proc/self/task/*/schedstat</c> and <c>/proc/stat</c>; elsewhere nothing is known.
/// Files stay open between readings: a reading costs about a microsecond per thread. Not thread-safe.
/// </summary>
/// <param name="clock">The clock.</param>
/// <param name="root">Root directory of the OS's files; null = the machine's.</param>
public sealed class InterferenceReader(TimeProvider clock, string? root = null) : IDisposable
{
    private const double TicksPerSecond = 100;

    // Threads are looked for again this often; those of an engine are there before it is timed.
    private static readonly TimeSpan s_listEvery = TimeSpan.FromMilliseconds(500);

    private readonly string _root = root ?? "/";
    private readonly Dictionary<string, SafeFileHandle> _threads = new(StringComparer.Ordinal);
    private readonly byte[] _buffer = new byte[4096];
    private long? _listedAt;
    private long _at;
    private Dictionary<string, long>? _waited;
    private (long Involuntary, long MajorFaults)? _usage;
    private long _coresAt;
    private Ticks? _ticks;

    /// <summary>Reads the span since the previous reading; null at the first one and where the OS doesn't tell.</summary>
    public Interference? Next()
    {
        long now = clock.GetTimestamp();
        Dictionary<string, long>? waited = Waited(now);
        (long Involuntary, long MajorFaults)? usage = root is null ? ResourceUsage.Read() : null;
        Interference? span = null;
        if (waited is not null && _waited is not null)
        {
            long sum = 0;
            foreach ((string thread, long total) in waited) sum += total - _waited.GetValueOrDefault(thread, 0);
            span = new Interference(clock.GetElapsedTime(_at, now).TotalSeconds, sum / 1e9, usage?.Involuntary - _usage?.Involuntary,
                usage?.MajorFaults - _usage?.MajorFaults);
        }

        (_at, _waited, _usage) = (now, waited, usage);
        return span;
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
            use = new CoreUse(Math.Clamp(others / capacity, 0, 1), Math.Clamp((after.Steal - before.Steal) / capacity, 0, 1));
        }

        (_coresAt, _ticks) = (now, ticks);
        return use;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (SafeFileHandle handle in _threads.Values) handle.Dispose();
        _threads.Clear();
    }

    private Dictionary<string, long>? Waited(long now)
    {
        if (_listedAt is not { } listed || clock.GetElapsedTime(listed, now) >= s_listEvery) List(now);
        if (_threads.Count == 0) return null;
        var waited = new Dictionary<string, long>(_threads.Count, StringComparer.Ordinal);
        foreach ((string thread, SafeFileHandle handle) in _threads)
        {
            if (Second(handle) is { } nanoseconds) waited[thread] = nanoseconds;
        }

        return waited.Count > 0 ? waited : null;
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
            _threads[gone].Dispose();
            _threads.Remove(gone);
        }

        foreach (string thread in there.Where(t => !_threads.ContainsKey(t)))
        {
            try
            {
                _threads[thread] = File.OpenHandle(Path.Combine(tasks, thread, "schedstat"));
            }
            catch (Exception e) when (DiskFault.Is(e))
            {
                // the thread has ended, or the kernel doesn't count
            }
        }
    }

    // schedstat: nanoseconds run, nanoseconds waited, time slices.
    private long? Second(SafeFileHandle handle)
    {
        try
        {
            ReadOnlySpan<byte> text = _buffer.AsSpan(0, RandomAccess.Read(handle, _buffer, 0));
            int space = text.IndexOf((byte)' ');
            return space > 0 && Utf8Parser.TryParse(text[(space + 1)..], out long value, out _) ? value : null;
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            return null; // the thread has ended
        }
    }

    private Ticks? ReadTicks()
    {
        var files = new MachineFiles(_root);
        if (files.Text("proc/stat") is not { } all || files.Text("proc/self/stat") is not { } own) return null;
        if (CpuTicks.Parse(all, own) is not { } cpu) return null;
        string[] total = all.Split('\n')[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return new Ticks(cpu, long.TryParse(total[8], out long steal) ? steal : 0);
    }

    private readonly record struct Ticks(CpuTicks Cpu, long Steal);
}
