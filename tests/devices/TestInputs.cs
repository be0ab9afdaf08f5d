using QuantBench.Engines.Ilgpu.Graph;
using QuantBench.Engines.Managed.Kernels;

namespace QuantBench.DeviceCheck;

/// <summary>Input vectors on host and device; the host's are rounded by the managed engine's definition.</summary>
internal sealed unsafe class TestInputs : IDisposable
{
    private readonly Activations _host;

    /// <param name="device">The device; rounds them with its own kernel.</param>
    /// <param name="tokens">Tokens.</param>
    /// <param name="columns">Elements per token.</param>
    /// <param name="random">Decides them.</param>
    /// <param name="exact">
    /// Each chunk has one element of magnitude 127 and the others are −1, 0 or 1: rounding keeps them, and sums of their products stay
    /// below 2²⁴, where floats add integers exactly in any order.
    /// </param>
    public TestInputs(TestDevice device, int tokens, int columns, Random random, bool exact)
    {
        (Tokens, Columns) = (tokens, columns);
        _host = new Activations(tokens, (columns + 31) / 32 * 32);
        Buffer = new InputBuffer(device.Memory, tokens, columns);
        int stride = Buffer.View.Stride;
        float[] padded = new float[tokens * stride];
        for (int t = 0; t < tokens; t++)
        {
            for (int i = 0; i < columns; i++)
            {
                float value = exact ? random.Next(-1, 2) : (float)((random.NextDouble() - 0.5) * (1 + (i % 7)));
                if (exact && i % 32 == (i / 32 * 5) % 32) value = random.Next(2) == 0 ? 127 : -127;
                padded[(t * stride) + i] = _host.Values[((long)t * _host.Stride) + i] = value;
            }

            ScalarKernels.QuantizeBlocks(_host, t, 0, stride);
        }

        device.Memory.Write<float>(Buffer.Values.View, padded);
        int perGroup = device.Kernels.Threads * 4;
        device.Kernels.Round.Queue(device.Memory.Stream, device.Kernels.Groups((stride + perGroup - 1) / perGroup, tokens), Buffer.View);
    }

    public int Tokens { get; }

    public int Columns { get; }

    public InputBuffer Buffer { get; }

    /// <summary>An element as products see it.</summary>
    public double Value(int token, int i, bool rounded) => rounded
        ? (double)_host.Scales[((long)token * _host.BlockStride) + (i / 32)] * _host.Bytes[((long)token * _host.Stride) + i]
        : _host.Values[((long)token * _host.Stride) + i];

    /// <summary>A rounded element, as an integer.</summary>
    public int Quant(int token, int i) => _host.Bytes[((long)token * _host.Stride) + i];

    /// <summary>The scale of a chunk.</summary>
    public float Scale(int token, int chunk) => _host.Scales[((long)token * _host.BlockStride) + chunk];

    public void Dispose()
    {
        _host.Dispose();
        Buffer.Dispose();
    }
}
