using System.Collections.Immutable;
using FsCheck.Xunit;
using Microsoft.Extensions.Time.Testing;
using QuantBench.Core.Machine;
using QuantBench.Core.Runs;

namespace QuantBench.Core.Tests.Machine;

public sealed class MachineTests
{
    private const string X64 =
        "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz\nphysical id\t: 0\ncore id\t\t: "
            + "0\ncpu MHz\t\t: 2600.5\nflags\t\t: fpu avx2 hypervisor\n\n"
        + "processor\t: 1\nmodel name\t: Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz\nphysical id\t: 0\ncore id\t\t: 0\ncpu MHz\t\t: "
        + "2599.5\n\n"
        + "processor\t: 2\nmodel name\t: Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz\nphysical id\t: 0\ncore id\t\t: 1\ncpu MHz\t\t: 2600\n";

    [Fact]
    public void CpuInfo_CountsCoresAndThreads() =>
        Assert.Equal(new CpuInfo("Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz", 2, 3), CpuInfo.Parse(X64));

    [Fact]
    public void CpuInfo_NamesTheDesign_WhenArmTellsNoModel() =>
        Assert.Equal(new CpuInfo("Arm 0x41/0xd0c", null, 1), CpuInfo.Parse("processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n"));

    [Property]
    public bool Parsers_TakeAnyText(string? text)
    {
        string any = text ?? "";
        _ = CpuInfo.Parse(any);
        _ = Cgroup.ParseMembership(any).Count();
        _ = Cgroup.ParseCpuMax(any);
        _ = CpuTicks.Parse(any, any);
        _ = FingerprintReader.NvidiaDriver(any);
        _ = FingerprintReader.OsName("PRETTY_NAME=" + any);
        return ProcessMemory.Parse(any) == default || any.Contains("Vm", StringComparison.Ordinal);
    }

    [Fact]
    public void Read_TakesEverythingFromTheRoot()
    {
        using var folder = new TemporaryFolder();
        folder.Write("proc/cpuinfo", X64);
        folder.Write("proc/meminfo", "MemTotal:       16384000 kB\nMemFree: 1 kB\n");
        folder.Write("proc/self/cgroup", "0::/user/job\n");
        folder.Write("sys/fs/cgroup/user/job/memory.max", "max\n");
        folder.Write("sys/fs/cgroup/user/memory.max", "1073741824\n"); // the parent's limit holds too
        folder.Write("sys/fs/cgroup/user/job/cpu.max", "150000 100000\n");
        folder.Write("proc/sys/kernel/hostname", "bench\n");
        folder.Write("proc/sys/kernel/osrelease", "6.1.0-13-amd64\n");
        folder.Write("etc/os-release", "NAME=Debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n");
        folder.Write("etc/machine-id", "0123456789abcdef0123456789abcdef\n");
        folder.Write("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n");
        folder.Write("sys/class/dmi/id/sys_vendor", "QEMU\n");
        folder.Write("proc/driver/nvidia/version",
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\n");
        folder.Write("proc/driver/nvidia/gpus/0000.01.00.0/information", "Model: \t\t NVIDIA H100 PCIe\nIRQ: 1\n");
        folder.Write("sys/class/drm/card0/device/vendor", "0x1002\n");
        folder.Write("sys/class/drm/card0/device/device", "0x744c\n");
        folder.Write("sys/class/drm/card0/device/uevent", "DRIVER=amdgpu\n");
        folder.Write("sys/class/drm/card0-DP-1/status", "connected\n");

        Fingerprint f = FingerprintReader.Read(folder.Path);

        Assert.Equal(("bench", 2, 3, "performance", "kvm"), (f.Host, f.PhysicalCores!.Value, f.LogicalCores, f.Governor, f.Virtualization));
        Assert.Equal((16_384_000L << 10, 1L << 30, 1.5), (f.MemoryBytes, f.MemoryLimitBytes!.Value, f.CpuLimit!.Value));
        Assert.Equal(("Debian GNU/Linux 12 (bookworm)", "6.1.0-13-amd64"), (f.Os, f.Kernel));
        Assert.Equal(["NVIDIA H100 PCIe (driver 535.104.05)", "AMD 0x744c (driver amdgpu)"], f.Gpus.AsEnumerable());
        Assert.Equal(f.MachineId, FingerprintReader.Read(folder.Path).MachineId);
        folder.Write("etc/machine-id", "another\n");
        Assert.NotEqual(f.MachineId, FingerprintReader.Read(folder.Path).MachineId);
    }

    [Fact]
    public void Read_TakesVersion1Limits()
    {
        using var folder = new TemporaryFolder();
        folder.Write("proc/meminfo", "MemTotal: 16384000 kB\n");
        folder.Write("proc/self/cgroup", "4:memory:/a\n2:cpu,cpuacct:/a\n");
        folder.Write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "2147483648\n");
        folder.Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        folder.Write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "50000\n");
        folder.Write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");

        Fingerprint f = FingerprintReader.Read(folder.Path);

        Assert.Equal((2L << 30, 0.5), (f.MemoryLimitBytes!.Value, f.CpuLimit!.Value));
    }

    [Fact]
    public void Read_ReadsThisMachine()
    {
        Fingerprint f = FingerprintReader.Read();

        Assert.InRange(f.LogicalCores, 1, Environment.ProcessorCount);
        Assert.True(f.MemoryBytes > 1 << 28);
        Assert.Matches("^[0-9a-f]{16}$", f.MachineId);
        Assert.NotEmpty(f.Cpu);
    }

    [Fact]
    public void Commit_FollowsWorktreesAndPackedRefs()
    {
        using var folder = new TemporaryFolder();
        string hash = new('a', 40);
        folder.Write("main/.git/packed-refs", $"# pack-refs\n{hash} refs/heads/w/core\n");
        folder.Write("main/.git/worktrees/tree/HEAD", "ref: refs/heads/w/core\n");
        folder.Write("main/.git/worktrees/tree/commondir", "../..\n");
        folder.Write("tree/.git", "gitdir: ../main/.git/worktrees/tree\n");
        folder.Write("tree/bin/x", "");

        Assert.Equal(hash, GitCheckout.Commit(Path.Combine(folder.Path, "tree", "bin")));
        folder.Write("main/.git/HEAD", new string('b', 40));
        Assert.Equal(new string('b', 40), GitCheckout.Commit(Path.Combine(folder.Path, "main")));
    }

    [Fact]
    public void ProcessMemory_ReadsTheKernelsFigures()
    {
        Assert.Equal(new ProcessMemory(2048, 4096), ProcessMemory.Parse("Name:\tx\nVmHWM:\t       4 kB\nVmRSS:\t       2 kB\n"));
        ProcessMemory own = ProcessMemory.Read();
        Assert.True(own.ResidentBytes > 1 << 20);
        Assert.Equal(default, ProcessMemory.Read(int.MaxValue));
    }

    [Fact]
    public void Conditions_ReadsEverything()
    {
        using var folder = new TemporaryFolder();
        Ticks(folder, busy: 1000, own: 100);
        folder.Write("proc/loadavg", "1.25 0.5 0.1 1/100 1\n");
        folder.Write("proc/cpuinfo", X64);
        folder.Write("sys/class/hwmon/hwmon0/name", "k10temp\n");
        folder.Write("sys/class/hwmon/hwmon0/temp1_input", "61500\n");
        folder.Write("sys/class/hwmon/hwmon1/name", "nvme\n");
        folder.Write("sys/class/hwmon/hwmon1/temp1_input", "90000\n"); // not the CPU's
        folder.Write("sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "3\n");
        folder.Write("sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count", "4\n");
        var clock = new FakeTimeProvider();
        var conditions = new MachineConditions(clock, folder.Path);

        clock.Advance(TimeSpan.FromSeconds(1));
        Ticks(folder, busy: 1150, own: 200); // 150 ticks in all, 100 of them ours: 50 of 200 are others'
        ImmutableSortedDictionary<string, double> found = conditions.Read();

        Assert.Equal(["freq_mhz_mean", "freq_mhz_min", "load1", "other_cpu_share", "temp_cpu_c", "throttle_count"], found.Keys);
        Assert.Equal((1.25, 0.25, 61.5, 7.0), (found["load1"], found["other_cpu_share"], found["temp_cpu_c"], found["throttle_count"]));
        Assert.Equal(2600, found["freq_mhz_mean"], 1e-9);
    }

    [Fact]
    public void Conditions_AreAbsent_WhenTheOsTellsNothing()
    {
        using var folder = new TemporaryFolder();

        Assert.Empty(new MachineConditions(new FakeTimeProvider(), folder.Path).Read());
    }

    [Fact]
    public void Check_NamesDifferences_WhenMachinesDiffer()
    {
        Fingerprint a = FingerprintReader.Read()
            with
        {
            Governor = "performance",
            Engines = ImmutableSortedDictionary<string, string>.Empty.Add("llamacpp", "1").Add("managed", "1")
        };
        Fingerprint b = a
            with
        { Governor = null, Host = "other", Engines = ImmutableSortedDictionary<string, string>.Empty.Add("llamacpp", "2") };

        Assert.Empty(Comparability.Check(a, a));
        Assert.Equal(["governor: performance / unknown", "engine llamacpp: 1 / 2"], Comparability.Check(a, b).Select(d => d.ToString()));
    }

    private static void Ticks(TemporaryFolder folder, int busy, int own)
    {
        folder.Write("proc/stat", $"cpu  {busy} 0 0 5000 10 0 0 0 0 0\ncpu0 1 0 0 1\ncpu1 1 0 0 1\nintr 1\n");
        folder.Write("proc/self/stat", $"1 (a ) b) S 0 0 0 0 0 0 0 0 0 0 {own} 0 0 0\n");
    }
}
