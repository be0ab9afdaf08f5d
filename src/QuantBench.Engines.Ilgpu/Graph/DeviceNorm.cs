using QuantBench.Engines.Ilgpu.Devices;
using QuantBench.Models.Graphs;

namespace QuantBench.Engines.Ilgpu.Graph;

/// <summary>A norm's weights and bias on a device.</summary>
internal sealed unsafe class DeviceNorm : DeviceOwner
{
    /// <param name="device">The device.</param>
    /// <param name="norm">The norm, on the host.</param>
    /// <param name="length">Elements.</param>
    public DeviceNorm(DeviceMemory device, Norm norm, int length)
    {
        Weights = Keep(new DeviceVector(device, "weights", norm.Weights, length));
        Bias = Keep(new DeviceVector(device, "weights", norm.Bias, length));
    }

    public DeviceVector Weights { get; }

    public DeviceVector Bias { get; }
}
