namespace QuantBench.Models.Architectures;

/// <summary>
/// Sizes of latent attention (MLA): keys and values of all heads are products of one compressed vector, and that is what the cache
/// holds, beside the one rotated part that all keys share.
/// </summary>
/// <param name="QueryRank">Width that queries are compressed to; 0 = they aren't.</param>
/// <param name="KeyRank">Width of compressed keys and values.</param>
/// <param name="PlainWidth">Elements of a head's query and key that aren't rotated.</param>
/// <param name="RotatedWidth">Elements behind them that are.</param>
/// <param name="ValueWidth">Width of a head's value.</param>
public sealed record LatentSizes(int QueryRank, int KeyRank, int PlainWidth, int RotatedWidth, int ValueWidth)
{
    /// <summary>Width of a head's query and key.</summary>
    public int HeadWidth => PlainWidth + RotatedWidth;

    /// <summary>Elements of a token in the cache, which are a key and, but for the rotated ones, a value.</summary>
    public int CacheWidth => KeyRank + RotatedWidth;
}
