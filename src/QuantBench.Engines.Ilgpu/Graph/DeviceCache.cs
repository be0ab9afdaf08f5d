using ILGPU;
using ILGPU.Runtime;
using QuantBench.Engines.Ilgpu.Devices;
using QuantBench.Engines.Ilgpu.Kernels;
using QuantBench.Models.Graphs;

namespace QuantBench.Engines.Ilgpu.Graph;

/// <summary>Keys and values of every token held, as halves. A buffer per layer: devices limit a single allocation to a part of their
/// memory.</summary>
internal sealed class DeviceCache : DeviceOwner
{
    private readonly List<MemoryBuffer1D<Int4, Stride1D.Dense>> _planes = [];

    /// <param name="device">The device.</param>
    /// <param name="shape">The model's sizes.</param>
    /// <param name="contextLength">Positions of each sequence.</param>
    /// <param name="sequences">Number of sequences.</param>
    public DeviceCache(DeviceMemory device, DecoderShape shape, int contextLength, int sequences)
    {
        long octets = checked((long)sequences * contextLength * shape.KvHeads * (shape.HeadWidth / 8));
        try
        {
            for (int i = 0; i < 2 * shape.Layers; i++)
                _planes.Add(Keep(device.Allocate<Int4>(octets, $"the KV cache of {contextLength} tokens")));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Bytes that a cache takes.</summary>
    /// <param name="shape">The model's sizes.</param>
    /// <param name="cells">Positions of all sequences.</param>
    public static long BytesOf(DecoderShape shape, long cells) =>
        checked(2 * shape.Layers * cells * shape.KvHeads * (shape.HeadWidth / 8) * 16);

    /// <summary>Keys of a layer, eight halves at a time.</summary>
    public ArrayView<Int4> WideKeys(int layer) => _planes[2 * layer].View;

    /// <summary>Keys of a layer.</summary>
    public ArrayView<ushort> Keys(int layer) => _planes[2 * layer].View.AsContiguous().Cast<ushort>();

    /// <summary>Values of a layer.</summary>
    public ArrayView<ushort> Values(int layer) => _planes[(2 * layer) + 1].View.AsContiguous().Cast<ushort>();

    /// <summary>Values of a layer, two halves at a time.</summary>
    public ArrayView<int> ValuePairs(int layer) => _planes[(2 * layer) + 1].View.AsContiguous().Cast<int>();
}
