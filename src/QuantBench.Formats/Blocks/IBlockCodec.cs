namespace QuantBench.Formats.Blocks;

/// <summary>Turns blocks of one tensor type into floats and back. Stateless; safe to use from many threads.</summary>
/// <remarks>
/// Decoding is total: any bytes of the right length give floats (a scale that is no number gives elements that are none). It agrees to the
/// last bit with ggml's own row functions.
/// </remarks>
public interface IBlockCodec
{
    /// <summary>Elements per block.</summary>
    int BlockElements { get; }

    /// <summary>Bytes per block.</summary>
    int BlockBytes { get; }

    /// <summary>Whether <see cref="Quantize"/> is there; false for types that are only read.</summary>
    bool CanQuantize { get; }

    /// <summary>Whether blocks hold the inputs of products and never weights.</summary>
    bool ForInputs => false;

    /// <summary>Decodes whole blocks by the fastest path this machine has.</summary>
    /// <param name="blocks">[n · <see cref="BlockBytes"/>]; any alignment.</param>
    /// <param name="output">Receives the elements; length n · <see cref="BlockElements"/>.</param>
    /// <exception cref="ArgumentException">The lengths don't fit each other.</exception>
    void Dequantize(ReadOnlySpan<byte> blocks, Span<float> output);

    /// <summary>Decodes whole blocks by the plain definition of the type; same bits as <see cref="Dequantize"/>.</summary>
    /// <param name="blocks">[n · <see cref="BlockBytes"/>].</param>
    /// <param name="output">Receives the elements; length n · <see cref="BlockElements"/>.</param>
    /// <exception cref="ArgumentException">The lengths don't fit each other.</exception>
    void DequantizeScalar(ReadOnlySpan<byte> blocks, Span<float> output);

    /// <summary>Encodes whole blocks.</summary>
    /// <param name="values">[n · <see cref="BlockElements"/>], finite.</param>
    /// <param name="blocks">Receives the blocks; length n · <see cref="BlockBytes"/>.</param>
    /// <exception cref="ArgumentException">The lengths don't fit each other.</exception>
    /// <exception cref="NotSupportedException"><see cref="CanQuantize"/> is false.</exception>
    void Quantize(ReadOnlySpan<float> values, Span<byte> blocks);

    /// <summary>Sets the scales of blocks of random bytes so that their weights are finite, have about a standard deviation and a mean near
    /// zero. Types without scales stay as they are.</summary>
    /// <param name="blocks">[n · <see cref="BlockBytes"/>].</param>
    /// <param name="deviation">Wanted standard deviation.</param>
    /// <exception cref="NotSupportedException"><see cref="ForInputs"/> is true.</exception>
    void SetScales(Span<byte> blocks, float deviation)
    {
    }
}
