namespace QuantBench.Formats.Blocks;

/// <summary>Layout of one block type. A new type is a struct with this interface in its own file, and a line in
/// <see cref="Gguf.GgmlTypes"/>.</summary>
internal interface IBlockLayout : IBlockFacts
{
    /// <summary>Whether blocks hold the inputs of products and never weights.</summary>
    static virtual bool ForInputs => false;

    /// <summary>Decodes one block: the definition.</summary>
    /// <param name="block">[<see cref="IBlockFacts.Bytes"/>].</param>
    /// <param name="output">[<see cref="IBlockFacts.Elements"/>].</param>
    static abstract void DecodeScalar(ReadOnlySpan<byte> block, Span<float> output);

    /// <summary>Decodes one block with 128-bit registers or wider; same bits as <see cref="DecodeScalar"/>.</summary>
    /// <param name="block">First of <see cref="IBlockFacts.Bytes"/> readable bytes; nothing beyond them may be read.</param>
    /// <param name="output">First of <see cref="IBlockFacts.Elements"/> writable floats.</param>
    static abstract void DecodeVector(ref byte block, ref float output);

    /// <summary>Sets the scales of a block of random bytes so that its weights are finite, have about a standard deviation and a mean near
    /// zero.</summary>
    /// <param name="block">The block.</param>
    /// <param name="deviation">Wanted standard deviation.</param>
    static virtual void SetScales(Span<byte> block, float deviation) => throw new NotSupportedException("Blocks of inputs aren't made up.");
}
