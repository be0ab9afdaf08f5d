namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Numbers of consecutive blocks, one per lane.</summary>
/// <typeparam name="TSelf">The lanes.</typeparam>
internal unsafe interface ILanes<TSelf>
    where TSelf : struct, ILanes<TSelf>
{
    static abstract TSelf operator *(TSelf a, float factor);

    /// <summary>Half-precision numbers that lie a fixed distance apart.</summary>
    /// <param name="first">The first.</param>
    /// <param name="apart">Bytes from one to the next.</param>
    static abstract TSelf Halves(byte* first, int apart);

    /// <summary>2^(e − 128) of single bytes e that lie a fixed distance apart; for e &lt; 2 that lies below the normal range.</summary>
    /// <param name="first">The first.</param>
    /// <param name="apart">Bytes from one to the next.</param>
    static abstract TSelf Exponents(byte* first, int apart);
}
