using QuantBench.DeviceCheck;

// Devices are shared, and two tests at once would only wait for each other.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace QuantBench.Engines.Ilgpu.Tests;

/// <summary>The devices of this machine. Where OpenCL must be there, <c>QB_REQUIRE_OPENCL</c> says so, and a missing device
/// fails.</summary>
internal static class Present
{
    /// <summary>Ids of usable devices.</summary>
    public static string[] Devices { get; } = Commands.Usable();

    /// <summary>Devices fast enough for whole models.</summary>
    public static string[] Fast { get; } = [.. Devices.Where(id => id != "cpu")];

    /// <summary>Devices to check kernels on: the simulation is for machines that have nothing better.</summary>
    public static string[] Best { get; } = Fast.Length > 0 ? Fast : Devices;

    /// <summary>Whether OpenCL must be there.</summary>
    public static bool RequiresOpenCl { get; } = Environment.GetEnvironmentVariable("QB_REQUIRE_OPENCL") is { Length: > 0 };
}
