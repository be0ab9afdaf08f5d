using QuantBench.Core.Machine;

namespace QuantBench.Core.Tests.Machine;

/// <summary>Energy counters of a tree of files as Linux shows them.</summary>
public sealed class EnergyCountersTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Between_AddsPackagesAndMemory_AndNothingTwice()
    {
        Zone("intel-rapl:0", "package-0", 1_000_000);
        Zone("intel-rapl:0:0", "core", 5_000_000); // in its package
        Zone("intel-rapl:0:1", "dram", 2_000_000);
        Zone("intel-rapl:1", "package-1", 0);
        Zone("intel-rapl:2", "psys", 9_000_000); // holds all of them
        EnergyReading before = Read();
        Zone("intel-rapl:0", "package-0", 31_000_000);
        Zone("intel-rapl:0:0", "core", 25_000_000);
        Zone("intel-rapl:0:1", "dram", 4_500_000);
        Zone("intel-rapl:1", "package-1", 10_000_000);
        Zone("intel-rapl:2", "psys", 99_000_000);

        EnergySpan span = EnergyCounters.Between(before, Read(), 2);

        Assert.Equal(42.5, span.Joules);
        Assert.Contains("other processes", span.Verdict, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(262_143_000_000, 1_000_000, 2, 1.328850)] // it began anew at its range
    [InlineData(200_000_000_000, 1_000_000, 2, null)] // 62 kJ in two seconds: somebody set it back
    [InlineData(1_000_000, 3_000_000, 0.9, null)] // too short
    [InlineData(1_000_000, 3_000_000, 1, 2.0)]
    [InlineData(1_000_000, 5_000_000_000, 1, null)]
    public void Between_SaysWhenItDoesNotKnow(long before, long after, double seconds, double? joules)
    {
        Zone("intel-rapl:0", "package-0", before);
        EnergyReading first = Read();
        Zone("intel-rapl:0", "package-0", after);

        EnergySpan span = EnergyCounters.Between(first, Read(), seconds);

        Assert.Equal(joules is null, span.Joules is null);
        if (joules is { } expected) Assert.Equal(expected, span.Joules!.Value, 1e-6);
        Assert.NotEmpty(span.Verdict);
    }

    [Fact]
    public void Read_SaysWhyThereAreNone()
    {
        Assert.Equal("this machine shows no energy counters (RAPL in powercap)", Read().Missing);
        Zone("intel-rapl:0", "package-0", 1);
        Zone("intel-rapl:1", "package-1", 1);
        Assert.Null(Read().Missing);

        _folder.Write("sys/class/powercap/intel-rapl:1/energy_uj", ""); // as to a user who may not read it

        Assert.Contains("intel-rapl:1/energy_uj can't be read", Read().Missing, StringComparison.Ordinal);
        Assert.Null(EnergyCounters.Between(Read(), Read(), 5).Joules);
    }

    [Fact]
    public void Between_SaysWhenCountersCameOrWent()
    {
        Zone("intel-rapl:0", "package-0", 1);
        EnergyReading first = Read();
        Zone("intel-rapl:1", "package-1", 1);

        Assert.Contains("came or went", EnergyCounters.Between(first, Read(), 5).Verdict, StringComparison.Ordinal);
    }

    private EnergyReading Read() => new EnergyCounters(_folder.Path).Read();

    private void Zone(string zone, string name, long microJoules)
    {
        _folder.Write($"sys/class/powercap/{zone}/name", name + "\n");
        _folder.Write($"sys/class/powercap/{zone}/energy_uj", microJoules + "\n");
        _folder.Write($"sys/class/powercap/{zone}/max_energy_range_uj", "262143328850\n");
    }
}
