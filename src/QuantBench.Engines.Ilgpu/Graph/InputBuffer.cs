using ILGPU;
using ILGPU.Runtime;
using QuantBench.Engines.Ilgpu.Devices;
using QuantBench.Engines.Ilgpu.Kernels;

namespace QuantBench.Engines.Ilgpu.Graph;

/// <summary>Memory of the inputs of products.</summary>
internal sealed class InputBuffer : IDisposable
{
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _values;
    private readonly MemoryBuffer1D<Int4, Stride1D.Dense> _quants;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _scales;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _halfSums;

    /// <param name="device">The device.</param>
    /// <param name="tokens">Most tokens.</param>
    /// <param name="width">Elements per token.</param>
    public InputBuffer(DeviceMemory device, int tokens, int width)
    {
        int stride = (width + 31) / 32 * 32;
        long elements = (long)tokens * stride;
        _values = device.AllocateZeroed<float>(elements, "activations");
        _quants = device.AllocateZeroed<Int4>(elements / 16, "activations");
        _scales = device.AllocateZeroed<float>(elements / 32, "activations");
        _halfSums = device.AllocateZeroed<float>(elements / 16, "activations");
        View = new InputView
        {
            Values = _values.View,
            WideValues = _values.View.AsContiguous().Cast<Int4>(),
            Wide = _quants.View,
            Words = _quants.View.AsContiguous().Cast<int>(),
            Scales = _scales.View,
            HalfSums = _halfSums.View,
            Stride = stride,
        };
    }

    /// <summary>What kernels get.</summary>
    public InputView View { get; }

    /// <summary>Bytes on the device.</summary>
    public long Bytes => _values.LengthInBytes + _quants.LengthInBytes + _scales.LengthInBytes + _halfSums.LengthInBytes;

    /// <summary>The floats, to fill or read them from the host.</summary>
    public MemoryBuffer1D<float, Stride1D.Dense> Values => _values;

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        _values.Dispose();
        _quants.Dispose();
        _scales.Dispose();
        _halfSums.Dispose();
    }
}
