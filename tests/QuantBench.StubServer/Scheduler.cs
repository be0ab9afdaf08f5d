using System.Diagnostics;
using System.Runtime.InteropServices;

namespace QuantBench.StubServer;

/// <summary>Does things at their moments, on a thread of its own.</summary>
internal sealed partial class Scheduler
{
    private const long SliceNs = 500_000;

    private readonly PriorityQueue<Action, long> _queue = new();

    public Scheduler() => new Thread(Run) { IsBackground = true, Priority = ThreadPriority.Highest, Name = "stub scheduler" }.Start();

    /// <summary>Nanoseconds of the monotonic clock, the same in every process of the machine.</summary>
    public static long NowNs => (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));

    public void At(long ns, Action work)
    {
        lock (_queue) _queue.Enqueue(work, ns);
    }

    private void Run()
    {
        while (true)
        {
            long wait = SliceNs;
            while (true)
            {
                Action? work = null;
                lock (_queue)
                {
                    if (!_queue.TryPeek(out _, out long due)) break;
                    long left = due - NowNs;
                    if (left <= 0) work = _queue.Dequeue();
                    else wait = Math.Min(wait, left);
                }

                if (work is null) break;
                work();
            }

            var time = new TimeSpec { Nanoseconds = (nint)wait };
            _ = NanoSleep(in time, IntPtr.Zero);
        }
    }

    [LibraryImport("libc", EntryPoint = "nanosleep")]
    private static partial int NanoSleep(in TimeSpec time, IntPtr left);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}
