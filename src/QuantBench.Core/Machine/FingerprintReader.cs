using System.Collections.Immutable;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;
using System.Text;
using QuantBench.Core.Runs;
using Arm = System.Runtime.Intrinsics.Arm;

namespace QuantBench.Core.Machine;

/// <summary>Reads what identifies this machine. Linux tells most; elsewhere what the runtime knows. Unknown facts stay null, never
/// guessed.</summary>
public static class FingerprintReader
{
    /// <summary>Memory that this process may use: the machine's, or less where control groups say so; in bytes.</summary>
    /// <param name="root">As of <see cref="Read"/>.</param>
    public static long UsableMemory(string? root = null)
    {
        var files = new MachineFiles(root ?? "/");
        long memory = Memory(files);
        return Math.Min(memory, Cgroup.Read(files).MemoryBytes ?? memory);
    }

    /// <summary>Reads the machine; engines, datasets and models are for the runner to add.</summary>
    /// <param name="root">Root directory of the OS's files, for captured machines; null = this machine's.</param>
    public static Fingerprint Read(string? root = null)
    {
        var files = new MachineFiles(root ?? "/");
        CpuInfo cpu = CpuInfo.Parse(files.Text("proc/cpuinfo") ?? "");
        string model = cpu.Model ?? Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER")
            ?? RuntimeInformation.ProcessArchitecture.ToString();
        long memory = Memory(files);
        Cgroup limits = Cgroup.Read(files);
        int logical = root is null ? UsableCores(limits.Cores) : Math.Max(1, cpu.LogicalCores);
        string host = root is null ? Environment.MachineName : files.Line("proc/sys/kernel/hostname") ?? "unknown";
        return new Fingerprint
        {
            MachineId = MachineId(model, cpu, memory, files.Line("etc/machine-id") ?? files.Line("var/lib/dbus/machine-id") ?? host),
            Host = host,
            Cpu = model,
            CpuFlags = Flags(),
            PhysicalCores = cpu.PhysicalCores,
            LogicalCores = logical,
            Governor = files.Line("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            Virtualization = Virtualization(files),
            MemoryBytes = memory,
            // A limit above what is installed limits nothing.
            MemoryLimitBytes = limits.MemoryBytes < memory ? limits.MemoryBytes : null,
            CpuLimit = limits.Cores,
            Os = OsName(files.Text("etc/os-release") ?? files.Text("usr/lib/os-release")) ?? RuntimeInformation.OSDescription.Trim(),
            Kernel = files.Line("proc/sys/kernel/osrelease") ?? (root is null ? Environment.OSVersion.Version.ToString() : null),
            Gpus = Gpus(files),
            Runtime = RuntimeInformation.FrameworkDescription,
            QuantBench =
                typeof(FingerprintReader).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split(
                    '+')[0] ?? "unknown",
            GitCommit = root is null ? GitCheckout.Commit(AppContext.BaseDirectory) : null,
        };
    }

    /// <summary>PRETTY_NAME of os-release; null when there is none.</summary>
    internal static string? OsName(string? osRelease)
    {
        const string Key = "PRETTY_NAME=";
        string? line = osRelease?.Split('\n').FirstOrDefault(l => l.StartsWith(Key, StringComparison.Ordinal));
        return line?[Key.Length..].Trim().Trim('"', '\'') is { Length: > 0 } name ? name : null;
    }

    /// <summary>Driver version in /proc/driver/nvidia/version; null when it isn't there.</summary>
    internal static string? NvidiaDriver(string? version) =>
        version?.Split('\n')[0].Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .FirstOrDefault(w => w.Contains('.', StringComparison.Ordinal) && w.All(c => char.IsAsciiDigit(c) || c == '.'));

    // The runtime's count has affinity and, rounded up, container limits; a limit below 1 still leaves one thread.
    private static int UsableCores(double? limit) =>
        limit is { } cores ? Math.Max(1, Math.Min(Environment.ProcessorCount, (int)Math.Ceiling(cores))) : Environment.ProcessorCount;

    private static long Memory(MachineFiles files) =>
        ProcessMemory.KiB(files.Text("proc/meminfo") ?? "", "MemTotal") ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    private static string MachineId(string model, CpuInfo cpu, long memory, string osId)
    {
        string identity = string.Join('\n', "machine-v1", model, cpu.PhysicalCores, cpu.LogicalCores, memory >> 30, osId);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(identity)))[..16];
    }

    private static ImmutableArray<string> Flags()
    {
        (string Name, bool Supported)[] flags =
        [
            ("sse4.2", Sse42.IsSupported), ("avx", Avx.IsSupported), ("avx2", Avx2.IsSupported), ("fma", Fma.IsSupported),
            ("bmi2", Bmi2.IsSupported),
            ("avxvnni", AvxVnni.IsSupported), ("avx512f", Avx512F.IsSupported), ("avx512bw", Avx512BW.IsSupported),
            ("avx512vl", Avx512F.VL.IsSupported),
            ("avx512vbmi", Avx512Vbmi.IsSupported), ("avx10.1", Avx10v1.IsSupported), ("gfni", Gfni.IsSupported),
            ("neon", Arm.AdvSimd.IsSupported), ("dotprod", Arm.Dp.IsSupported),
        ];
        return [.. flags.Where(f => f.Supported).Select(f => f.Name)];
    }

    private static string? Virtualization(MachineFiles files)
    {
        if (files.Exists(".dockerenv")) return "docker";
        if (files.Exists("run/.containerenv")) return "podman";
        string groups = files.Text("proc/self/cgroup") ?? "";
        if (groups.Contains("kubepods", StringComparison.Ordinal)) return "kubernetes";
        if ((files.Text("proc/version") ?? "").Contains("microsoft", StringComparison.OrdinalIgnoreCase)) return "wsl";
        if (files.Line("sys/class/dmi/id/sys_vendor") is { } vendor)
        {
            (string Mark,
                string Name)[] known = [("QEMU", "kvm"), ("Amazon EC2", "kvm"), ("Google", "kvm"), ("VMware", "vmware"), ("Xen", "xen"),
                    ("innotek", "virtualbox"), ("Microsoft", "hyper-v")];
            string? name = known.Where(k => vendor.Contains(k.Mark, StringComparison.OrdinalIgnoreCase)).Select(k => k.Name)
                .FirstOrDefault();
            // Microsoft and Google make hardware too, Amazon rents whole machines: only the CPU's flag makes it a guest.
            if (name is not null && HasHypervisorFlag(files)) return name;
        }

        return HasHypervisorFlag(files) ? "hypervisor" : null;
    }

    private static bool HasHypervisorFlag(MachineFiles files) =>
        (files.Text("proc/cpuinfo") ?? "").Split('\n').FirstOrDefault(l => l.StartsWith("flags", StringComparison.Ordinal))?.Split(' ')
            .Contains("hypervisor") ?? false;

    private static ImmutableArray<string> Gpus(MachineFiles files)
    {
        var gpus = new List<string>();
        string driver = NvidiaDriver(files.Text("proc/driver/nvidia/version")) ?? "unknown";
        foreach (string slot in files.Names("proc/driver/nvidia/gpus", "*"))
        {
            string? model = files.Text($"proc/driver/nvidia/gpus/{slot}/information")?.Split('\n')
                .FirstOrDefault(l => l.StartsWith("Model:", StringComparison.Ordinal))?["Model:".Length..].Trim();
            gpus.Add($"{model ?? "NVIDIA GPU"} (driver {driver})");
        }

        foreach (string card in files.Names("sys/class/drm", "card*").Where(c => !c.Contains('-', StringComparison.Ordinal)))
        {
            string device = $"sys/class/drm/{card}/device";
            // NVIDIA's own driver has named those already, with their model.
            if (files.Line($"{device}/vendor") is not { } vendor || (vendor == "0x10de" && gpus.Count > 0)) continue;
            string maker = vendor switch { "0x1002" => "AMD", "0x8086" => "Intel", "0x10de" => "NVIDIA", _ => vendor };
            string kernelDriver =
                files.Text($"{device}/uevent")?.Split('\n')
                    .FirstOrDefault(l => l.StartsWith("DRIVER=", StringComparison.Ordinal))?["DRIVER=".Length..].Trim() ?? "unknown";
            gpus.Add($"{maker} {files.Line($"{device}/product_name") ?? files.Line($"{device}/device") ?? card} (driver {kernelDriver})");
        }

        return [.. gpus];
    }
}
