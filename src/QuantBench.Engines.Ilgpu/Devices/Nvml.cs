using System.Runtime.InteropServices;

namespace QuantBench.Engines.Ilgpu.Devices;

/// <summary>
/// NVIDIA's management library, which comes with the driver. It tells free memory without a context on the device: CUDA's own question for
/// it needs one, and one takes hundreds of megabytes.
/// </summary>
internal static partial class Nvml
{
    private const int Success = 0;

    /// <summary>Free bytes of a device, or null when the library isn't here or doesn't tell.</summary>
    /// <param name="busId">The device's PCI bus id, e.g. <c>00000000:17:00.0</c>.</param>
    public static long? FreeBytes(string busId)
    {
        try
        {
            if (Start() != Success) return null;
            try
            {
                return HandleByBusId(busId, out nint device) == Success && MemoryOf(device, out Memory memory) == Success
                    && memory.Free <= memory.Total
                    ? (long)Math.Min(memory.Free, long.MaxValue)
                    : null;
            }
            finally
            {
                _ = Shutdown();
            }
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException)
        {
            return null;
        }
    }

    [LibraryImport("libnvidia-ml.so.1", EntryPoint = "nvmlInit_v2")]
    private static partial int Start();

    [LibraryImport("libnvidia-ml.so.1", EntryPoint = "nvmlShutdown")]
    private static partial int Shutdown();

    [LibraryImport("libnvidia-ml.so.1", EntryPoint = "nvmlDeviceGetHandleByPciBusId_v2", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int HandleByBusId(string busId, out nint device);

    [LibraryImport("libnvidia-ml.so.1", EntryPoint = "nvmlDeviceGetMemoryInfo")]
    private static partial int MemoryOf(nint device, out Memory memory);

    /// <summary>nvmlMemory_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Memory
    {
        public ulong Total;
        public ulong Free;
        public ulong Used;
    }
}
