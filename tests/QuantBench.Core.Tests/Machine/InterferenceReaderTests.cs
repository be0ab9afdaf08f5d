using Microsoft.Extensions.Time.Testing;
using QuantBench.Core.Machine;

namespace QuantBench.Core.Tests.Machine;

public sealed class InterferenceReaderTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("qb-interference").FullName;
    private readonly FakeTimeProvider _clock = new();

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Next_SumsWhatThreadsWaited_ThatCompute()
    {
        Schedstat("10", "5000 1000000 7");
        Schedstat("11", "5000 2000000 7");
        Schedstat("12", "5000 2000000 7"); // hardly runs
        Schedstat("13", "5000 2000000 7", ".NET Tiered Com");
        Schedstat("14", "5000 2000000 7", ".NET TP Worker");
        using var reader = new InterferenceReader(_clock, _root);

        Assert.Null(reader.Next());
        Schedstat("10", "90005000 4000000 9");
        Schedstat("11", "5000 27000000 9"); // wanted a core a quarter of the time and never got one
        Schedstat("12", "9000 9000000 9");
        Schedstat("13", "90005000 9000000 9");
        Schedstat("14", "90005000 2500000 9");
        _clock.Advance(TimeSpan.FromMilliseconds(100));
        Interference span = reader.Next()!.Value;

        Assert.Equal(0.0285, span.WaitedSeconds, 1e-12);
        Assert.Equal(0.285, span.WaitedShare, 1e-12);
    }

    [Fact]
    public void Next_CountsAThreadThatCameLater_AndForgetsOneThatEnded()
    {
        Schedstat("10", "0 0 1");
        Schedstat("11", "0 9000000 1");
        using var reader = new InterferenceReader(_clock, _root);
        reader.Next();
        Directory.Delete(Path.Combine(_root, "proc/self/task/11"), recursive: true);
        Schedstat("12", "900000000 6000000 1");
        _clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(0.006, reader.Next()!.Value.WaitedSeconds, 1e-12);
    }

    [Fact]
    public void NextCores_TellsOthersAndSteal_OnlyOverEnoughTicks()
    {
        Stat("cpu  100 0 0 800 0 0 0 10 0 0", 50);
        using var reader = new InterferenceReader(_clock, _root);

        Assert.Null(reader.NextCores(TimeSpan.Zero));
        _clock.Advance(TimeSpan.FromMilliseconds(100));
        Assert.Null(reader.NextCores(TimeSpan.FromMilliseconds(200)));
        _clock.Advance(TimeSpan.FromMilliseconds(900));
        Stat("cpu  220 0 0 860 0 0 0 30 0 0", 130);
        CoreUse use = reader.NextCores(TimeSpan.FromMilliseconds(200))!.Value;

        Assert.Equal(0.3, use.OtherShare, 1e-9); // 120 + 20 busy, 80 of them our own, of 200 ticks
        Assert.Equal(0.1, use.StealShare, 1e-9);
    }

    [Fact]
    public void Next_KnowsNothing_WhereThereIsNoProc()
    {
        using var reader = new InterferenceReader(_clock, _root);
        reader.Next();

        Assert.Null(reader.Next());
        Assert.Null(reader.NextCores(TimeSpan.Zero));
        Assert.Null(reader.NextCores(TimeSpan.Zero));
    }

    [Fact]
    public void NextCores_TellsPressureThrottlingAndClock()
    {
        Stat("cpu  100 0 0 800 0 0 0 10 0 0", 50);
        Pressure("cpu", 1000);
        Pressure("io", 0);
        Throttle("cpu0", 3);
        Throttle("cpu1", 0);
        Clock("cpu0", 800_000);
        Clock("cpu1", 3_100_000);
        using var reader = new InterferenceReader(_clock, _root);

        reader.NextCores(TimeSpan.Zero);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Pressure("cpu", 251_000);
        Throttle("cpu1", 2);
        Clock("cpu1", 2_450_000);
        CoreUse use = reader.NextCores(TimeSpan.Zero)!.Value;

        Assert.Equal(0.25, use.CpuPressure!.Value, 1e-9);
        Assert.Equal(0, use.IoPressure!.Value);
        Assert.Null(use.MemoryPressure);
        Assert.Equal(2, use.ThrottleEvents);
        Assert.Equal(2450, use.FastestMegahertz);
    }

    private void Pressure(string what, long total) => Write($"proc/pressure/{what}",
        $"some avg10=0.00 avg60=0.00 avg300=0.00 total={total}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n");

    private void Throttle(string core, int count) =>
        Write($"sys/devices/system/cpu/{core}/thermal_throttle/core_throttle_count", $"{count}\n");

    private void Clock(string core, int kilohertz) => Write($"sys/devices/system/cpu/{core}/cpufreq/scaling_cur_freq", $"{kilohertz}\n");

    private void Write(string path, string text)
    {
        string full = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!); // has a parent
        File.WriteAllText(full, text);
    }

    private void Schedstat(string thread, string text, string name = "worker")
    {
        string directory = Path.Combine(_root, "proc/self/task", thread);
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, "comm"), name + "\n");
        // In place, as the kernel's file: it stays open.
        using FileStream file = new(Path.Combine(directory, "schedstat"), FileMode.OpenOrCreate, FileAccess.Write,
            FileShare.ReadWrite | FileShare.Delete);
        file.Write(System.Text.Encoding.ASCII.GetBytes(text.PadRight(40) + "\n"));
    }

    private void Stat(string total, int own)
    {
        Directory.CreateDirectory(Path.Combine(_root, "proc/self"));
        File.WriteAllText(Path.Combine(_root, "proc/stat"), $"{total}\ncpu0 0 0 0 0\ncpu1 0 0 0 0\n");
        File.WriteAllText(Path.Combine(_root, "proc/self/stat"), $"1 (a b) R 0 0 0 0 0 0 0 0 0 0 {own} 0 0 0\n");
    }
}
