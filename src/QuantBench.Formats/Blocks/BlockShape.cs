namespace QuantBench.Formats.Blocks;

/// <summary>The one check between a span of blocks and a span of elements.</summary>
internal static class BlockShape
{
    /// <summary>Number of blocks.</summary>
    /// <param name="bytes">Bytes of all blocks.</param>
    /// <param name="blockBytes">Bytes per block.</param>
    /// <param name="elements">Elements of all blocks.</param>
    /// <param name="blockElements">Elements per block.</param>
    /// <exception cref="ArgumentException">Not whole blocks, or not as many elements as the blocks hold.</exception>
    public static int Count(int bytes, int blockBytes, int elements, int blockElements)
    {
        int count = bytes / blockBytes;
        if (count * blockBytes != bytes) throw new ArgumentException($"{bytes} bytes are not a whole number of blocks of {blockBytes}.");
        if ((long)count * blockElements != elements)
        {
            throw new ArgumentException($"{count} blocks hold {(long)count * blockElements} elements, but there is room for {elements}.");
        }

        return count;
    }
}
