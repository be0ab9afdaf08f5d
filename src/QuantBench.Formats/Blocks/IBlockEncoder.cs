namespace QuantBench.Formats.Blocks;

/// <summary>Encoder of one block type.</summary>
internal interface IBlockEncoder
{
    /// <summary>Encodes one block.</summary>
    /// <param name="values">The block's elements.</param>
    /// <param name="block">Receives the block; every byte is written.</param>
    static abstract void Encode(ReadOnlySpan<float> values, Span<byte> block);
}
