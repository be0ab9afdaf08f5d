using System.Numerics;
using System.Runtime.InteropServices;
using QuantBench.Core.Runs;

namespace QuantBench.Core.Machine;

/// <summary>
/// Measures how fast all cores together read, copy and combine arrays far larger than the caches, after McCalpin's STREAM: <c>s +=
/// a[i]</c>,
/// <c>b[i] = a[i]</c>, <c>c[i] = a[i] + 3·b[i]</c>. Bytes are counted as STREAM counts them: 8, 16 and 24 an element, without the lines
/// that a store may fetch first. Each thread fills its own part, so that on several memory nodes it lies near; the best of several passes
/// counts.
/// </summary>
public sealed class MemoryBandwidthProbe
{
    private const int Passes = 10;
    private const long SmallestArray = 64L << 20;
    private const long LargestArray = 1L << 30;
    private const double Scalar = 3;

    private readonly TimeProvider _clock;
    private readonly double[] _a;
    private readonly double[] _b;
    private readonly double[] _c;
    private readonly double[] _sums;
    private readonly int _threads;
    private double _read = double.PositiveInfinity;
    private double _copy = double.PositiveInfinity;
    private double _triad = double.PositiveInfinity;

    private MemoryBandwidthProbe(TimeProvider clock, int threads, int elements)
    {
        (_clock, _threads, _sums) = (clock, threads, new double[threads]);
        // Not cleared: the first touch decides which memory node a page lies on.
        _a = GC.AllocateUninitializedArray<double>(elements);
        _b = GC.AllocateUninitializedArray<double>(elements);
        _c = GC.AllocateUninitializedArray<double>(elements);
    }

    /// <summary>Measures; takes about a second and three times <see cref="ArrayBytes"/> of memory.</summary>
    /// <param name="threads">Threads; at least 1.</param>
    /// <param name="clock">The one clock.</param>
    /// <param name="arrayBytes">Bytes of each array; null = <see cref="ArrayBytes"/> of this machine.</param>
    /// <exception cref="InvalidOperationException">The sums are wrong: memory or processor can't be trusted.</exception>
    public static MemoryBandwidth Measure(int threads, TimeProvider clock, long? arrayBytes = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ArgumentNullException.ThrowIfNull(clock);
        long bytes = arrayBytes ?? ArrayBytes(CpuCaches.LastLevelBytes(), GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        var probe = new MemoryBandwidthProbe(clock, threads, checked((int)Math.Max(threads, bytes / sizeof(double))));
        probe.Run();
        long counted = (long)probe._a.Length * sizeof(double);
        return new MemoryBandwidth(counted / probe._read, 2 * counted / probe._copy, 3 * counted / probe._triad, threads, counted);
    }

    /// <summary>Bytes of each of the three arrays: four times the last level of cache, as STREAM asks, but all three within an eighth of
    /// the memory.</summary>
    /// <param name="lastLevelBytes">Bytes of the last level of cache; null when unknown.</param>
    /// <param name="memoryBytes">Bytes of memory this process may use.</param>
    public static long ArrayBytes(long? lastLevelBytes, long memoryBytes)
    {
        long wanted = Math.Clamp(4 * (lastLevelBytes ?? 0), SmallestArray, LargestArray);
        return Math.Max(1 << 20, Math.Min(wanted, memoryBytes / 24));
    }

    private void Run()
    {
        using var barrier = new Barrier(_threads);
        Thread[] others = new Thread[_threads - 1];
        for (int i = 0; i < others.Length; i++)
        {
            int worker = i + 1;
            others[i] = new Thread(() => Work(worker, barrier)) { IsBackground = true, Name = $"bandwidth {worker}" };
            others[i].Start();
        }

        Work(0, barrier);
        foreach (Thread thread in others) thread.Join();

        // a holds ones, so the last read's sum is the number of elements: reading can't have been left out.
        if (_sums.Sum() != _a.Length || _c[^1] != 1 + Scalar) throw new InvalidOperationException("the bandwidth probe's sums are wrong");
    }

    private void Work(int worker, Barrier barrier)
    {
        int from = (int)((long)_a.Length * worker / _threads);
        int length = (int)((long)_a.Length * (worker + 1) / _threads) - from;
        Span<double> a = _a.AsSpan(from, length);
        Span<double> b = _b.AsSpan(from, length);
        Span<double> c = _c.AsSpan(from, length);
        a.Fill(1);
        b.Fill(2);
        c.Clear();
        for (int pass = 0; pass < Passes; pass++)
        {
            barrier.SignalAndWait();
            long start = _clock.GetTimestamp();
            _sums[worker] = Sum(a);
            barrier.SignalAndWait();
            long read = _clock.GetTimestamp();
            a.CopyTo(b);
            barrier.SignalAndWait();
            long copied = _clock.GetTimestamp();
            Triad(a, b, c);
            barrier.SignalAndWait();
            if (worker != 0) continue;
            long combined = _clock.GetTimestamp();
            _read = Math.Min(_read, _clock.GetElapsedTime(start, read).TotalSeconds);
            _copy = Math.Min(_copy, _clock.GetElapsedTime(read, copied).TotalSeconds);
            _triad = Math.Min(_triad, _clock.GetElapsedTime(copied, combined).TotalSeconds);
        }
    }

    // Eight independent sums: one would wait for its own addition instead of for memory.
    private static double Sum(ReadOnlySpan<double> values)
    {
        ReadOnlySpan<Vector<double>> vectors = MemoryMarshal.Cast<double, Vector<double>>(values);
        Vector<double> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
        int i = 0;
        for (; i <= vectors.Length - 8; i += 8)
        {
            s0 += vectors[i];
            s1 += vectors[i + 1];
            s2 += vectors[i + 2];
            s3 += vectors[i + 3];
            s4 += vectors[i + 4];
            s5 += vectors[i + 5];
            s6 += vectors[i + 6];
            s7 += vectors[i + 7];
        }

        double sum = Vector.Sum(s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7);
        for (int k = i * Vector<double>.Count; k < values.Length; k++) sum += values[k];
        return sum;
    }

    private static void Triad(ReadOnlySpan<double> a, ReadOnlySpan<double> b, Span<double> c)
    {
        ReadOnlySpan<Vector<double>> va = MemoryMarshal.Cast<double, Vector<double>>(a);
        ReadOnlySpan<Vector<double>> vb = MemoryMarshal.Cast<double, Vector<double>>(b);
        Span<Vector<double>> vc = MemoryMarshal.Cast<double, Vector<double>>(c);
        var scalar = new Vector<double>(Scalar);
        for (int i = 0; i < vc.Length; i++) vc[i] = va[i] + (vb[i] * scalar);
        for (int k = vc.Length * Vector<double>.Count; k < c.Length; k++) c[k] = a[k] + (b[k] * Scalar);
    }
}
