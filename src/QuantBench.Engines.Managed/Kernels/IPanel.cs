namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Products of quantized rows with many tokens for vectors of one width: sixteen rows are unpacked once and used by every
/// tile.</summary>
internal unsafe interface IPanel
{
    /// <summary>Tokens of a tile.</summary>
    static abstract int Tokens { get; }

    /// <summary>Unpacks rows into the worker's panel; nobody reads the results of rows behind the matrix' end.</summary>
    /// <typeparam name="TBlock">The type.</typeparam>
    /// <param name="weights">The matrix.</param>
    /// <param name="first">First row.</param>
    /// <param name="rows">Rows that exist, 1 to 16.</param>
    /// <param name="scratch">Holds the panel.</param>
    static abstract void Unpack<TBlock>(WeightMatrix weights, int first, int rows, WorkerScratch scratch)
        where TBlock : struct, IWeightBlock;

    /// <summary>Products of a panel with a tile's tokens; behind the last token it is the last one again.</summary>
    /// <typeparam name="TBlock">The type.</typeparam>
    /// <param name="columns">Columns.</param>
    /// <param name="scratch">Holds the panel.</param>
    /// <param name="inputs">The tokens.</param>
    /// <param name="token">First token.</param>
    /// <param name="last">Last token of all.</param>
    /// <param name="tile">[tokens, 16].</param>
    static abstract void Tile<TBlock>(int columns, WorkerScratch scratch, Activations inputs, int token, int last, float* tile)
        where TBlock : struct, IWeightBlock;
}
