using QuantBench.Core.Machine;
using QuantBench.Core.Runs;

namespace QuantBench.Core.Tests.Machine;

public sealed class MemoryBandwidthProbeTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)] // more threads than cores, and parts of unequal length
    public void Measure_CountsWhatItReadAndWrote(int threads)
    {
        MemoryBandwidth found = MemoryBandwidthProbe.Measure(threads, TimeProvider.System, arrayBytes: (1 << 16) + 8);

        Assert.Equal((threads, (1L << 16) + 8), (found.Threads, found.ArrayBytes));
        Assert.All([found.ReadBytesPerSecond, found.CopyBytesPerSecond, found.TriadBytesPerSecond],
            rate => Assert.True(double.IsFinite(rate) && rate > 0));
        Assert.Equal(Math.Max(found.ReadBytesPerSecond, Math.Max(found.CopyBytesPerSecond, found.TriadBytesPerSecond)),
            found.BestBytesPerSecond);
    }

    [Fact]
    public void Measure_CountsOneTwoAndThreeArrays()
    {
        // Every reading of this clock is a second later, so each of the three takes one second.
        MemoryBandwidth found = MemoryBandwidthProbe.Measure(1, new CountingClock(), arrayBytes: 1 << 16);

        Assert.Equal((65_536.0, 131_072.0, 196_608.0), (found.ReadBytesPerSecond, found.CopyBytesPerSecond, found.TriadBytesPerSecond));
    }

    [Theory]
    [InlineData(32L << 20, 24L << 30, 128L << 20)] // four times the last cache
    [InlineData(1L << 20, 24L << 30, 64L << 20)] // at least 64 MiB
    [InlineData(null, 24L << 30, 64L << 20)]
    [InlineData(768L << 20, 512L << 30, 1L << 30)] // at most a gibibyte each
    [InlineData(32L << 20, 480L << 20, 20L << 20)] // little memory: an eighth for all three
    public void ArrayBytes_FollowsCacheAndMemory(long? cache, long memory, long expected) =>
        Assert.Equal(expected, MemoryBandwidthProbe.ArrayBytes(cache, memory));

    [Fact]
    public void LastLevelBytes_SumsTheInstancesOfTheLastLevel()
    {
        using var folder = new TemporaryFolder();
        for (int cpu = 0; cpu < 4; cpu++)
        {
            Cache(folder, cpu, 0, "1", "Data", "48K", $"{cpu}");
            Cache(folder, cpu, 1, "1", "Instruction", "32K", $"{cpu}");
            Cache(folder, cpu, 2, "2", "Unified", "1024K", $"{cpu}");
            Cache(folder, cpu, 3, "3", "Unified", "32768K", cpu < 2 ? "0-1" : "2-3"); // two instances, each shared by two CPUs
        }

        Directory.CreateDirectory(Path.Combine(folder.Path, "sys/devices/system/cpu/cpufreq/cache/index0")); // no CPU

        Assert.Equal(64L << 20, CpuCaches.LastLevelBytes(folder.Path));
    }

    [Fact]
    public void LastLevelBytes_IsUnknown_WhereTheOsDoesNotTell()
    {
        using var folder = new TemporaryFolder();

        Assert.Null(CpuCaches.LastLevelBytes(folder.Path));
    }

    private static void Cache(TemporaryFolder folder, int cpu, int index, string level, string type, string size, string shared)
    {
        string at = Path.Combine(folder.Path, $"sys/devices/system/cpu/cpu{cpu}/cache/index{index}");
        Directory.CreateDirectory(at);
        File.WriteAllText(Path.Combine(at, "level"), level + "\n");
        File.WriteAllText(Path.Combine(at, "type"), type + "\n");
        File.WriteAllText(Path.Combine(at, "size"), size + "\n");
        File.WriteAllText(Path.Combine(at, "shared_cpu_list"), shared + "\n");
    }

    private sealed class CountingClock : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => ++_now;
    }
}
