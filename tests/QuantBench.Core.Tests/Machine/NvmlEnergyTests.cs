using System.Diagnostics;
using QuantBench.Core.Machine;

namespace QuantBench.Core.Tests.Machine;

/// <summary>Energy of devices, by a management library that these tests build: it reads its answers from a file, one line a
/// device.</summary>
public sealed class NvmlEnergyTests : IDisposable
{
    private const string Source = """
        #include <stdio.h>
        static int codes[8]; static unsigned long long joules[8]; static int count;
        int nvmlInit_v2(void) {
            FILE *f = fopen("ANSWERS", "r"); count = 0;
            if (!f) return 9;
            while (count < 8 && fscanf(f, "%d %llu", &codes[count], &joules[count]) == 2) count++;
            fclose(f); return 0;
        }
        int nvmlShutdown(void) { count = -1; return 0; }
        int nvmlDeviceGetCount_v2(unsigned *n) { *n = (unsigned)count; return 0; }
        int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **d) { *d = &joules[i]; return 0; }
        int nvmlDeviceGetTotalEnergyConsumption(void *d, unsigned long long *e) {
            int i = (int)((unsigned long long *)d - joules); *e = joules[i]; return codes[i];
        }
        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [CompilerFact]
    public void Between_AddsDevicesToProcessors()
    {
        string library = Build();
        Processor(1_000_000);
        Answers("0 5000", "0 700");
        EnergyReading before = Read(library);
        Processor(31_000_000);
        Answers("0 65000", "0 1700");

        EnergySpan span = EnergyCounters.Between(before, Read(library), 2);

        Assert.Equal(30 + 60 + 1, span.Joules);
        Assert.Equal("of the whole machine's NVIDIA devices, processors and the memory they count, other processes among it",
            span.Verdict);
    }

    [CompilerFact]
    public void Between_LeavesDevicesOut_WhereTheyDoNothing()
    {
        string library = Build();
        Processor(1_000_000);
        Answers("0 5000");
        var counters = new EnergyCounters(_folder.Path, library);
        EnergyReading before = counters.Read();
        Processor(3_000_000);
        Answers("0 65000");

        Assert.Equal(2, EnergyCounters.Between(before, counters.Read(), 2).Joules);
    }

    [CompilerFact]
    public void Between_SaysThatProcessorsArentInIt_WhereTheyCantBeRead()
    {
        string library = Build();
        Answers("0 5000");
        EnergyReading before = Read(library);
        Answers("0 65000");

        EnergySpan span = EnergyCounters.Between(before, Read(library), 2);

        Assert.Equal(60, span.Joules);
        Assert.Contains("the processors' isn't in it: this machine shows no energy counters", span.Verdict, StringComparison.Ordinal);
    }

    [CompilerTheory]
    [InlineData("0 5000", "0 4000", "set back")] // the driver was loaded again
    [InlineData("0 5000", "3 6000", "NVIDIA device 0 has no energy counter")]
    [InlineData("0 5000", "15 6000", "tells no energy of device 0 (error 15)")]
    [InlineData("0 5000", "", "there is no NVIDIA device")]
    public void Between_SaysWhenItDoesNotKnow(string first, string second, string why)
    {
        string library = Build();
        Processor(1_000_000);
        Answers(first);
        EnergyReading before = Read(library);
        Processor(2_000_000);
        Answers(second);

        EnergySpan span = EnergyCounters.Between(before, Read(library), 2);

        Assert.Null(span.Joules);
        Assert.Contains(why, span.Verdict, StringComparison.Ordinal);
    }

    [CompilerFact]
    public void Read_SaysWhyThereAreNone()
    {
        string library = Build();
        Processor(1_000_000);

        Assert.Contains("can't be started (error 9)", Read(library).Missing!, StringComparison.Ordinal);
        Assert.Contains("isn't here", Read("libno-such-library.so").Missing!, StringComparison.Ordinal);
    }

    private EnergyReading Read(string library) => new EnergyCounters(_folder.Path, library).Read(devices: true);

    private void Processor(long microJoules)
    {
        _folder.Write("sys/class/powercap/intel-rapl:0/name", "package-0\n");
        _folder.Write("sys/class/powercap/intel-rapl:0/energy_uj", $"{microJoules}\n");
        _folder.Write("sys/class/powercap/intel-rapl:0/max_energy_range_uj", "262143328850\n");
    }

    private void Answers(params string[] lines) => _folder.Write("answers", string.Join('\n', lines));

    private string Build()
    {
        string library = Path.Combine(_folder.Path, "libfake-nvml.so");
        string source = _folder.Write("nvml.c", Source.Replace("ANSWERS", Path.Combine(_folder.Path, "answers"), StringComparison.Ordinal));
        using Process compiler = Process.Start(CompilerFactAttribute.Compiler, ["-shared", "-fPIC", "-o", library, source])!;
        compiler.WaitForExit();
        Assert.Equal(0, compiler.ExitCode);
        return library;
    }
}
