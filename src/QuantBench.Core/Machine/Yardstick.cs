using System.Numerics;
using System.Runtime.CompilerServices;

namespace QuantBench.Core.Machine;

/// <summary>How fast a fixed piece of work ran.</summary>
/// <param name="Dot">Multiply-adds per second of integer dot products that stay in the first cache.</param>
/// <param name="Stream">Bytes per second read from memory by one thread.</param>
public readonly record struct YardstickReading(double Dot, double Stream)
{
    /// <summary>The slower of two readings, part by part.</summary>
    public YardstickReading Slower(YardstickReading other) => new(Math.Min(Dot, other.Dot), Math.Min(Stream, other.Stream));

    /// <summary>The mean of two readings.</summary>
    public YardstickReading Mean(YardstickReading other) => new((Dot + other.Dot) / 2, (Stream + other.Stream) / 2);
}

/// <summary>
/// A fixed piece of work that is timed beside measurements, to tell a machine that has become slower from software that has. Some 20 ms;
/// each part is the best of a few tries, so that a single disturbance doesn't count. Not thread-safe.
/// </summary>
/// <param name="clock">The clock.</param>
public sealed class Yardstick(TimeProvider clock)
{
    /// <summary>Condition of a cell: multiply-adds per second of the yardstick, the median over the launches of the mean of before and
    /// after.</summary>
    public const string DotCondition = "yardstick_dot";

    /// <summary>Condition of a cell: bytes per second that the yardstick read, the median over the launches of the mean of before and
    /// after.</summary>
    public const string StreamCondition = "yardstick_stream";

    private const int Shorts = 4096; // twice 8 KiB: the first cache of anything
    private const int DotRuns = 2000;
    private const int StreamLongs = 4 << 20; // 32 MiB
    private const int Tries = 8;

    private readonly short[] _a = [.. Enumerable.Range(0, Shorts).Select(i => (short)(i % 113))];
    private readonly short[] _b = [.. Enumerable.Range(0, Shorts).Select(i => (short)(i % 127))];
    private readonly long[] _memory = Touched();
    private long _kept; // so that nothing can be left out

    /// <summary>Times it.</summary>
    public YardstickReading Measure()
    {
        double dot = 0;
        double stream = 0;
        for (int i = 0; i < Tries; i++)
        {
            long start = clock.GetTimestamp();
            for (int k = 0; k < DotRuns; k++) _kept += Dot(_a, _b);
            long middle = clock.GetTimestamp();
            _kept += Sum(_memory);
            double dotSeconds = clock.GetElapsedTime(start, middle).TotalSeconds;
            double streamSeconds = clock.GetElapsedTime(middle).TotalSeconds;
            if (dotSeconds > 0) dot = Math.Max(dot, (double)Shorts * DotRuns / dotSeconds);
            if (streamSeconds > 0) stream = Math.Max(stream, 8.0 * StreamLongs / streamSeconds);
        }

        return new YardstickReading(dot, stream);
    }

    // Pages that were never written are one and the same page of zeros, which the cache holds.
    private static long[] Touched()
    {
        long[] memory = GC.AllocateUninitializedArray<long>(StreamLongs);
        Array.Fill(memory, 1);
        return memory;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Dot(short[] a, short[] b)
    {
        Vector<short> sum = Vector<short>.Zero;
        for (int i = 0; i < a.Length; i += Vector<short>.Count) sum += new Vector<short>(a, i) * new Vector<short>(b, i);
        return Vector.Sum(sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static long Sum(long[] values)
    {
        Vector<long> first = Vector<long>.Zero;
        Vector<long> second = Vector<long>.Zero;
        for (int i = 0; i < values.Length; i += 2 * Vector<long>.Count)
        {
            first += new Vector<long>(values, i);
            second += new Vector<long>(values, i + Vector<long>.Count);
        }

        return Vector.Sum(first + second);
    }
}
