using System.Runtime.InteropServices;

namespace QuantBench.Inference.Traffic;

/// <summary>Sleeps shorter than the millisecond that .NET's waits count in.</summary>
internal static partial class PreciseSleep
{
    private const long NanosecondsPerSecond = 1_000_000_000;

    private static readonly ManualResetEvent s_never = new(false);

    /// <summary>Lets this thread sleep; it may wake up early by a signal, and up to some 60 µs late.</summary>
    /// <param name="nanoseconds">How long.</param>
    public static void For(long nanoseconds)
    {
        if (nanoseconds <= 0) return;
        if (OperatingSystem.IsWindows())
        {
            // Its timers tick every 15 ms: the last of them is spent running.
            if (nanoseconds > 20_000_000) _ = s_never.WaitOne((int)(nanoseconds / 1_000_000) - 16);
            else Thread.SpinWait(50);
            return;
        }

        (long seconds, long rest) = Math.DivRem(nanoseconds, NanosecondsPerSecond);
        var time = new TimeSpec { Seconds = (nint)seconds, Nanoseconds = (nint)rest };
        _ = NanoSleep(in time, IntPtr.Zero);
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
