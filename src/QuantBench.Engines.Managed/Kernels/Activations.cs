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
    /// <param name="wide">Whether <see cref="Wide"/> is wanted, which only panels of signed types read.</param>
    /// <param name="values">Memory for <see cref="Values"/> that is shared with another use; columns are then a multiple of 64. Null = own
    /// memory.</param>
    public Activations(int tokens, int columns, bool wide = true, float* values = null)
    {
        Stride = (columns + 63) / 64 * 64;
        if (values is not null) ArgumentOutOfRangeException.ThrowIfNotEqual(Stride, columns);
        long elements = (long)tokens * Stride;
        long blocks = elements / BlockElements;
        long floats = (values is null ? elements : 0) + (4 * blocks);
        _buffer = new NativeBuffer((floats * sizeof(float)) + (elements * (sizeof(sbyte) + (wide ? sizeof(short) : 0))));
        float* next = _buffer.As<float>();
        Values = values is null ? next : values;
        Scales = values is null ? next + elements : next;
        Sums = Scales + blocks;
        HalfSums = Sums + blocks;
        Bytes = (sbyte*)(HalfSums + (2 * blocks));
        Wide = wide ? (short*)(Bytes + elements) : null;
    }

    /// <summary>Elements from one token to the next, in <see cref="Values"/>, <see cref="Wide"/> and <see cref="Bytes"/>.</summary>
    public int Stride { get; }

    /// <summary>Blocks from one token to the next, in <see cref="Scales"/> and <see cref="Sums"/>; twice as many in
    /// <see cref="HalfSums"/>.</summary>
    public int BlockStride => Stride / BlockElements;

    /// <summary>The floats.</summary>
    public float* Values { get; }

    /// <summary>q as 16-bit numbers; null when they aren't wanted.</summary>
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
