using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;

namespace QuantBench.Core.Machine;

/// <summary>Energy counters of NVIDIA devices, by the management library (NVML) that comes with the driver.</summary>
/// <param name="library">The library.</param>
internal sealed unsafe class NvmlEnergy(string? library = null)
{
    private const int Success = 0, NotSupported = 3;

    private readonly string _library = library ?? (OperatingSystem.IsWindows() ? "nvml.dll" : "libnvidia-ml.so.1");

    /// <summary>Reads the counter of every device now.</summary>
    /// <param name="microJoules">Receives each as <c>nvml:INDEX</c>.</param>
    /// <returns>Why there are none, or not all; null when all were read.</returns>
    public string? ReadInto(ImmutableSortedDictionary<string, long>.Builder microJoules)
    {
        if (!NativeLibrary.TryLoad(_library, out nint handle)) return $"NVIDIA's management library ({_library}) isn't here";
        try
        {
            var start = (delegate* unmanaged<int>)NativeLibrary.GetExport(handle, "nvmlInit_v2");
            if (start() is var code && code != Success) return Said("can't be started", code);
            try
            {
                return Read(handle, microJoules);
            }
            finally
            {
                _ = ((delegate* unmanaged<int>)NativeLibrary.GetExport(handle, "nvmlShutdown"))();
            }
        }
        catch (EntryPointNotFoundException)
        {
            return $"{_library} is older than energy counters";
        }
        finally
        {
            NativeLibrary.Free(handle);
        }
    }

    private string? Read(nint handle, ImmutableSortedDictionary<string, long>.Builder microJoules)
    {
        var countOf = (delegate* unmanaged<uint*, int>)NativeLibrary.GetExport(handle, "nvmlDeviceGetCount_v2");
        var deviceAt = (delegate* unmanaged<uint, nint*, int>)NativeLibrary.GetExport(handle, "nvmlDeviceGetHandleByIndex_v2");
        var energyOf = (delegate* unmanaged<nint, ulong*, int>)NativeLibrary.GetExport(handle, "nvmlDeviceGetTotalEnergyConsumption");
        uint count;
        if (countOf(&count) is var counted && counted != Success) return Said("counts no devices", counted);
        if (count == 0) return "there is no NVIDIA device";
        for (uint i = 0; i < count; i++)
        {
            nint device;
            ulong milliJoules;
            int code = deviceAt(i, &device);
            if (code == Success) code = energyOf(device, &milliJoules);
            else milliJoules = 0;
            if (code == NotSupported) return string.Create(CultureInfo.InvariantCulture, $"NVIDIA device {i} has no energy counter");
            if (code != Success || milliJoules > long.MaxValue / 1000) return Said($"tells no energy of device {i}", code);
            microJoules[string.Create(CultureInfo.InvariantCulture, $"nvml:{i}")] = (long)milliJoules * 1000;
        }

        return null;
    }

    private string Said(string what, int code) => string.Create(CultureInfo.InvariantCulture, $"{_library} {what} (error {code})");
}
