namespace QuantBench.Formats.Blocks;

/// <summary>The sizes of one block type; constants, so that the compiler folds them in kernels of any room.</summary>
public interface IBlockFacts
{
    /// <summary>Elements per block.</summary>
    static abstract int Elements { get; }

    /// <summary>Bytes per block.</summary>
    static abstract int Bytes { get; }
}
