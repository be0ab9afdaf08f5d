using ILGPU.Backends.OpenCL;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;
using QuantBench.Core.Errors;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.Ilgpu.Devices;

/// <summary>What a device says about itself, and whether the kernels can run there.</summary>
internal static class DeviceFacts
{
    /// <summary>Describes a device without opening it.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="device">The device.</param>
    public static EngineDevice Describe(string id, Device device)
    {
        (string description, string? problem) = device switch
        {
            CudaDevice cuda => (Text(cuda), Problem(cuda)),
            CLDevice cl => (Text(cl), Problem(cl)),
            _ => ("ILGPU's simulation of a device on CPU threads, for checks of small cases: about 1000 times slower than a real one",
                null),
        };
        if (problem is null && device.MaxNumThreadsPerGroup < DeviceList.MinGroupThreads)
        {
            problem =
                $"device \"{device.Name.Trim()}\" runs at most {device.MaxNumThreadsPerGroup} threads in a group; "
                    + $"{DeviceList.MinGroupThreads} are needed";
        }

        // The simulation has the host's memory.
        long? memory = device.MemorySize is > 0 and < long.MaxValue ? device.MemorySize : null;

        // OpenCL has no question for free memory.
        long? free = device is CudaDevice nvidia ? Nvml.FreeBytes(nvidia.NVMLPCIBusId) : null;
        return new EngineDevice(id, description, problem is null ? Support.Yes : Support.No($"ilgpu/{id}: {problem}"), memory, free);
    }

    private static string Text(CudaDevice device) =>
        $"{device.Name.Trim()}, compute capability {device.Architecture?.Major}.{device.Architecture?.Minor}, driver for CUDA "
            + $"{device.DriverVersion.Major}.{device.DriverVersion.Minor}, "
        + $"sub-group {device.WarpSize}, half yes, integer dot {YesNo(HasIntegerDot(device))}, "
        + $"tensor cores {YesNo(device.Architecture is { } architecture && HasTensorCores(architecture))}";

    private static string Text(CLDevice device)
    {
        string driver = OpenClText.Read(device, OpenClText.DriverVersion) is { Length: > 0 } version ? $", driver {version}" : "";
        return $"{device.Name.Trim()} ({device.PlatformName.Trim()}, OpenCL "
            + $"{device.DeviceVersion.Major}.{device.DeviceVersion.Minor}{driver}), "
            + $"sub-groups {YesNo(device.HasExtension("cl_khr_subgroups") || device.HasExtension("cl_intel_subgroups"))}, half "
            + $"{YesNo(device.Capabilities.Float16)}, "
            + $"integer dot {YesNo(device.HasExtension("cl_khr_integer_dot_product"))}";
    }

    private static string? Problem(CudaDevice device) => HasIntegerDot(device)
        ? null
        : $"device \"{device.Name.Trim()}\" has compute capability {device.Architecture?.Major}.{device.Architecture?.Minor}; 6.1 or newer "
            + "is needed (integer dot products)";

    private static string? Problem(CLDevice device)
    {
        string name = device.Name.Trim();
        if (device.CLStdVersion < CLCVersion.CL20)
            return $"device \"{name}\" ({device.PlatformName.Trim()}) speaks OpenCL C "
                + $"{device.CLStdVersion.Major}.{device.CLStdVersion.Minor}; 2.0 or newer is needed";
        return device.Capabilities.GenericAddressSpace ? null
            : $"device \"{name}\" ({device.PlatformName.Trim()}) lacks generic address space";
    }

    /// <summary>Whether devices of an architecture have the matrix instructions that the kernels use.</summary>
    public static bool HasTensorCores(CudaArchitecture architecture) => architecture >= new CudaArchitecture(8, 0);

    private static bool HasIntegerDot(CudaDevice device) =>
        device.Architecture is { } architecture && architecture >= new CudaArchitecture(6, 1);

    private static string YesNo(bool value) => value ? "yes" : "no";
}
