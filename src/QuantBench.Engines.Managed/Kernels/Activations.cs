using QuantBench.Engines.Managed.Memory;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>
/// Input vectors of a matrix product, one per token, as floats and as 8-bit blocks: 32 signed bytes q with one scale d, x ≈ d·q, |q| ≤ 127.
/// Every integer kernel reads this one form, so that inputs are quantized once however many matrices read them.
/// </summary>
internal sealed unsafe class Activations : IDisposable
{
    /// <summary>Elements that share a scale.</summary>
    public const int BlockElements = 32;

    private readonly NativeBuffer? _buffer;

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
        _buffer = new NativeBuffer(BytesOf(tokens, columns, wide, values is not null));
        float* next = _buffer.As<float>();
        Values = values is null ? next : values;
        Scales = values is null ? next + elements : next;
        Sums = Scales + blocks;
        HalfSums = Sums + blocks;
        Bytes = (sbyte*)(HalfSums + (2 * blocks));
        Wide = wide ? (short*)(Bytes + elements) : null;
    }

    /// <summary>Bytes that some take.</summary>
    /// <param name="tokens">Most tokens.</param>
    /// <param name="columns">Most elements per token.</param>
    /// <param name="wide">Whether <see cref="Wide"/> is wanted.</param>
    /// <param name="shared">Whether <see cref="Values"/> lie in another's memory.</param>
    public static long BytesOf(int tokens, int columns, bool wide, bool shared)
    {
        long elements = (long)tokens * ((columns + 63) / 64 * 64);
        long floats = (shared ? 0 : elements) + (4 * (elements / BlockElements));
        return (floats * sizeof(float)) + (elements * (sizeof(sbyte) + (wide ? sizeof(short) : 0)));
    }

    /// <summary>Some tokens of others, as <see cref="PointTo"/> says; nothing before.</summary>
    public Activations()
    {
    }

    /// <summary>Elements from one token to the next, in <see cref="Values"/>, <see cref="Wide"/> and <see cref="Bytes"/>.</summary>
    public int Stride { get; private set; }

    /// <summary>Blocks from one token to the next, in <see cref="Scales"/> and <see cref="Sums"/>; twice as many in
    /// <see cref="HalfSums"/>.</summary>
    public int BlockStride => Stride / BlockElements;

    /// <summary>The floats.</summary>
    public float* Values { get; private set; }

    /// <summary>q as 16-bit numbers; null when they aren't wanted.</summary>
    public short* Wide { get; private set; }

    /// <summary>q.</summary>
    public sbyte* Bytes { get; private set; }

    /// <summary>d of each block.</summary>
    public float* Scales { get; private set; }

    /// <summary>d·Σq of each block.</summary>
    public float* Sums { get; private set; }

    /// <summary>d·Σq of each half block.</summary>
    public float* HalfSums { get; private set; }

    /// <summary>Bytes held.</summary>
    public long MemoryBytes => _buffer?.Bytes ?? 0;

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _buffer?.Dispose();

    /// <summary>Makes this the tokens of others from one on.</summary>
    /// <param name="all">The others.</param>
    /// <param name="token">The first.</param>
    public void PointTo(Activations all, int token)
    {
        long elements = (long)token * all.Stride, blocks = elements / BlockElements;
        Stride = all.Stride;
        Values = all.Values + elements;
        Wide = all.Wide is null ? null : all.Wide + elements;
        Bytes = all.Bytes + elements;
        Scales = all.Scales + blocks;
        Sums = all.Sums + blocks;
        HalfSums = all.HalfSums + (2 * blocks);
    }

    /// <summary>Copies a token of others of the same width.</summary>
    /// <param name="token">Where to.</param>
    /// <param name="from">The others; may have a larger stride.</param>
    /// <param name="fromToken">Which of theirs.</param>
    /// <param name="floats">Whether the floats are wanted.</param>
    /// <param name="quantized">Whether the 8-bit numbers are wanted.</param>
    public void Take(int token, Activations from, int fromToken, bool floats, bool quantized)
    {
        long at = (long)token * Stride, fromAt = (long)fromToken * from.Stride;
        if (floats) new ReadOnlySpan<float>(from.Values + fromAt, Stride).CopyTo(new Span<float>(Values + at, Stride));
        if (!quantized) return;
        long block = at / BlockElements, fromBlock = fromAt / BlockElements;
        new ReadOnlySpan<sbyte>(from.Bytes + fromAt, Stride).CopyTo(new Span<sbyte>(Bytes + at, Stride));
        if (Wide is not null) new ReadOnlySpan<short>(from.Wide + fromAt, Stride).CopyTo(new Span<short>(Wide + at, Stride));
        new ReadOnlySpan<float>(from.Scales + fromBlock, BlockStride).CopyTo(new Span<float>(Scales + block, BlockStride));
        new ReadOnlySpan<float>(from.Sums + fromBlock, BlockStride).CopyTo(new Span<float>(Sums + block, BlockStride));
        new ReadOnlySpan<float>(from.HalfSums + (2 * fromBlock), 2 * BlockStride).CopyTo(
            new Span<float>(HalfSums + (2 * block), 2 * BlockStride));
    }
}
