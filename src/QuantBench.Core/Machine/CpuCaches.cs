using System.Globalization;

namespace QuantBench.Core.Machine;

/// <summary>Sizes of the CPU's caches as Linux tells them.</summary>
public static class CpuCaches
{
    /// <summary>Bytes of the last level of cache, all of its instances together; null where the OS doesn't tell.</summary>
    /// <param name="root">Root directory of the OS's files; null = this machine's.</param>
    public static long? LastLevelBytes(string? root = null)
    {
        var files = new MachineFiles(root ?? "/");
        const string Cpus = "sys/devices/system/cpu";
        var instances = new Dictionary<(long Level, string Shared), long>();
        foreach (string cpu in files.Names(Cpus, "cpu*")
            .Where(n => n.Length > 3 && n.AsSpan(3).ContainsAnyExceptInRange('0', '9') == false))
        {
            foreach (string index in files.Names($"{Cpus}/{cpu}/cache", "index*"))
            {
                string at = $"{Cpus}/{cpu}/cache/{index}";
                if (files.Line($"{at}/type") == "Instruction") continue;
                if (files.Number($"{at}/level") is not { } level || Bytes(files.Line($"{at}/size")) is not { } bytes) continue;
                // CPUs that share an instance list the same CPUs.
                instances[(level, files.Line($"{at}/shared_cpu_list") ?? cpu)] = bytes;
            }
        }

        if (instances.Count == 0) return null;
        long last = instances.Keys.Max(k => k.Level);
        return instances.Where(i => i.Key.Level == last).Sum(i => i.Value);
    }

    private static long? Bytes(string? text)
    {
        if (text is null) return null;
        int shift = text[^1] switch { 'K' => 10, 'M' => 20, 'G' => 30, _ => 0 };
        string digits = shift == 0 ? text : text[..^1];
        return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long value) && value is > 0 and < 1L << 32
            ? value << shift : null;
    }
}
