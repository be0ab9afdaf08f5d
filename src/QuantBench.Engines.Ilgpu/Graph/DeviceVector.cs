using ILGPU;
using ILGPU.Runtime;
using QuantBench.Engines.Ilgpu.Devices;

namespace QuantBench.Engines.Ilgpu.Graph;

/// <summary>Floats on a device: a norm or a bias, or a stand-in where the model has none, because kernels have no optional
/// arguments.</summary>
internal sealed unsafe class DeviceVector : DeviceOwner
{
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _buffer;

    /// <param name="device">The device.</param>
    /// <param name="what">What it is, for messages.</param>
    /// <param name="values">[length], or null.</param>
    /// <param name="length">Elements.</param>
    public DeviceVector(DeviceMemory device, string what, float* values, int length)
    {
        Exists = values is not null;
        _buffer = Keep(device.AllocateZeroed<float>(Exists ? length : 1, what));
        if (Exists) _buffer.View.AsContiguous().CopyFromCPU(device.Stream, ref *values, length);
    }

    /// <summary>Whether the model has it: 1 or 0, as kernels take it.</summary>
    public int Flag => Exists ? 1 : 0;

    /// <summary>What kernels get.</summary>
    public ArrayView<float> View => _buffer.View;

    private bool Exists { get; }
}
