using ILGPU;
using ILGPU.Runtime;
using QuantBench.Engines.Ilgpu.Devices;
using QuantBench.Models.Graphs;

namespace QuantBench.Engines.Ilgpu.Graph;

/// <summary>Memory of what a micro-batch's tokens do with experts.</summary>
internal sealed class DeviceRoutes : DeviceOwner
{
    /// <param name="device">The device.</param>
    /// <param name="shape">The model's sizes; it has experts.</param>
    /// <param name="capacity">Most tokens.</param>
    /// <param name="resultStride">Floats from one result to the next.</param>
    public DeviceRoutes(DeviceMemory device, DecoderShape shape, int capacity, int resultStride)
    {
        long slots = (long)capacity * shape.ExpertsUsed;
        RatingStride = shape.Experts + (shape.SharedFeedForward > 0 ? 1 : 0);
        try
        {
            Ratings = Keep(device.AllocateZeroed<float>((long)capacity * RatingStride, "activations"));
            Chosen = Keep(device.AllocateZeroed<int>(slots, "activations"));
            Weights = Keep(device.AllocateZeroed<float>(slots, "activations"));
            Both = Keep(device.AllocateZeroed<float>(slots * 2 * shape.ExpertFeedForward, "activations"));
            Results = Keep(device.AllocateZeroed<float>(slots * resultStride, "activations"));
            Hidden = Keep(new InputBuffer(device, checked((int)slots), shape.ExpertFeedForward));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Floats from one token's ratings to the next one's.</summary>
    public int RatingStride { get; }

    /// <summary>[tokens, RatingStride]: of experts, and behind them of the part that all tokens use.</summary>
    public MemoryBuffer1D<float, Stride1D.Dense> Ratings { get; }

    /// <summary>[tokens, used].</summary>
    public MemoryBuffer1D<int, Stride1D.Dense> Chosen { get; }

    /// <summary>[tokens, used].</summary>
    public MemoryBuffer1D<float, Stride1D.Dense> Weights { get; }

    /// <summary>[slots, 2 · width]: gate, then up.</summary>
    public MemoryBuffer1D<float, Stride1D.Dense> Both { get; }

    /// <summary>[slots, stride].</summary>
    public MemoryBuffer1D<float, Stride1D.Dense> Results { get; }

    /// <summary>Inputs of the down-projections.</summary>
    public InputBuffer Hidden { get; }
}
