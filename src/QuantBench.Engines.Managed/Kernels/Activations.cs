namespace QuantBench.Engines.Managed.Kernels;

/// <summary>
/// Input vectors of a matrix product, one per token, as floats and as 8-bit blocks: 32 signed bytes q with one scale d, x ≈ d·q, |q| ≤ 127.
/// Every integer kernel reads this one form, so that inputs are quantized once however many matrices read them.
/// </summary>
internal sealed unsafe class Activations : IDisposable
{
    /// <summary>Elements that share a scale.</summary>
    public const int BlockElements = 32;

    private readonly NativeBuffer _buffer;

    /// <param name="tokens">Most tokens.</param>
    /// <param name="columns">Most elements per token.</param>
    public Activations(int tokens, int columns)
    {
        Stride = (columns + 63) / 64 * 64;
        long elements = (long)tokens * Stride;
        long blocks = elements / BlockElements;
        _buffer = new NativeBuffer((elements * (sizeof(float) + sizeof(sbyte) + sizeof(short))) + (blocks * 4 * sizeof(float)));
        Values = _buffer.As<float>();
        Wide = (short*)(Values + elements);
        Bytes = (sbyte*)(Wide + elements);
        Scales = (float*)(Bytes + elements);
        Sums = Scales + blocks;
        HalfSums = Sums + blocks;
    }

    /// <summary>Elements from one token to the next, in <see cref="Values"/>, <see cref="Wide"/> and <see cref="Bytes"/>.</summary>
    public int Stride { get; }

    /// <summary>Blocks from one token to the next, in <see cref="Scales"/> and <see cref="Sums"/>; twice as many in <see cref="HalfSums"/>.</summary>
    public int BlockStride => Stride / BlockElements;

    /// <summary>The floats.</summary>
    public float* Values { get; }

    /// <summary>q as 16-bit numbers.</summary>
    public short* Wide { get; }

    /// <summary>q.</summary>
    public sbyte* Bytes { get; }

    /// <summary>d of each block.</summary>
    public float* Scales { get; }

    /// <summary>d·Σq of each block.</summary>
    public float* Sums { get; }

    /// <summary>d·Σq of each half block.</summary>
    public float* HalfSums { get; }

    /// <summary>Bytes held.</summary>
    public long MemoryBytes => _buffer.Bytes;

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _buffer.Dispose();
}
