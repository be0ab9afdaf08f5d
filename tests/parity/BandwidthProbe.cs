using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Parity;

/// <summary>Memory bandwidth that threads reach together when they only read, as decoding does.</summary>
internal static unsafe partial class BandwidthProbe
{
    // Far more than any cache, so that every byte comes from memory.
    private const int BytesPerThread = 512 << 20;
    private const int Passes = 5;
    private const int HugePage = 2 << 20;
    private const int HugePages = 14;

    /// <summary>Best of some passes in bytes per second.</summary>
    public static double Read(int threads)
    {
        nuint size = (nuint)BytesPerThread * (nuint)threads;
        byte* memory = (byte*)NativeMemory.AlignedAlloc(size, HugePage);
        try
        {
            if (OperatingSystem.IsLinux()) _ = Advise(memory, size, HugePages);
            NativeMemory.Fill(memory, size, 1);
            double best = 0;
            for (int pass = 0; pass < Passes; pass++)
            {
                using var barrier = new Barrier(threads + 1);
                Thread[] readers = [
                    .. Enumerable.Range(0, threads).Select(i => new Thread(() => Sum(memory + ((long)i * BytesPerThread), barrier)))];
                foreach (Thread reader in readers) reader.Start();
                barrier.SignalAndWait();
                long start = Stopwatch.GetTimestamp();
                barrier.SignalAndWait();
                best = Math.Max(best, size / Stopwatch.GetElapsedTime(start).TotalSeconds);
                foreach (Thread reader in readers) reader.Join();
            }

            return best;
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }
    }

    private static void Sum(byte* data, Barrier barrier)
    {
        barrier.SignalAndWait();
        Vector512<int> s0 = default, s1 = default, s2 = default, s3 = default;
        for (byte* end = data + BytesPerThread; data < end; data += 256)
        {
            s0 += Vector512.Load((int*)data);
            s1 += Vector512.Load((int*)(data + 64));
            s2 += Vector512.Load((int*)(data + 128));
            s3 += Vector512.Load((int*)(data + 192));
        }

        GC.KeepAlive(Vector512.Sum(s0 + s1 + s2 + s3));
        barrier.SignalAndWait();
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* start, nuint length, int advice);
}
