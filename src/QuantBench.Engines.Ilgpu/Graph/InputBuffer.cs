using ILGPU;
using ILGPU.Runtime;
using QuantBench.Engines.Ilgpu.Devices;
using QuantBench.Engines.Ilgpu.Kernels;

namespace QuantBench.Engines.Ilgpu.Graph;

/// <summary>Memory of the inputs of products.</summary>
internal sealed class InputBuffer : DeviceOwner
{
    /// <param name="device">The device.</param>
    /// <param name="tokens">Most tokens.</param>
    /// <param name="width">Elements per token.</param>
    public InputBuffer(DeviceMemory device, int tokens, int width)
    {
        int stride = (width + 31) / 32 * 32;
        long elements = (long)tokens * stride;
        Values = Keep(device.AllocateZeroed<float>(elements, "activations"));
        MemoryBuffer1D<Int4, Stride1D.Dense> quants = Keep(device.AllocateZeroed<Int4>(elements / 16, "activations"));
        View = new InputView
        {
            Values = Values.View,
            WideValues = Values.View.AsContiguous().Cast<Int4>(),
            Wide = quants.View,
            Words = quants.View.AsContiguous().Cast<int>(),
            Scales = Keep(device.AllocateZeroed<float>(elements / 32, "activations")).View,
            HalfSums = Keep(device.AllocateZeroed<float>(elements / 16, "activations")).View,
            Stride = stride,
        };
    }

    /// <summary>What kernels get.</summary>
    public InputView View { get; }

    /// <summary>The floats, to fill or read them from the host.</summary>
    public MemoryBuffer1D<float, Stride1D.Dense> Values { get; }
}
