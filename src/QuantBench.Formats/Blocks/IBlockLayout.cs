using QuantBench.Formats.Gguf;

namespace QuantBench.Formats.Blocks;

/// <summary>Layout of one block type. A new type is a struct with this interface in its own file, and a line in
/// <see cref="BlockCodecs"/>.</summary>
internal interface IBlockLayout
{
    /// <summary>The tensor type.</summary>
    static abstract GgmlType Type { get; }

    /// <summary>Elements per block; a constant, so that the compiler folds it.</summary>
    static abstract int Elements { get; }

    /// <summary>Bytes per block; a constant, so that the compiler folds it.</summary>
    static abstract int Bytes { get; }

    /// <summary>Decodes one block: the definition.</summary>
    /// <param name="block">[<see cref="Bytes"/>].</param>
    /// <param name="output">[<see cref="Elements"/>].</param>
    static abstract void DecodeScalar(ReadOnlySpan<byte> block, Span<float> output);

    /// <summary>Decodes one block with 128-bit registers or wider; same bits as <see cref="DecodeScalar"/>.</summary>
    /// <param name="block">First of <see cref="Bytes"/> readable bytes; nothing beyond them may be read.</param>
    /// <param name="output">First of <see cref="Elements"/> writable floats.</param>
    static abstract void DecodeVector(ref byte block, ref float output);
}
