using System.Runtime.Intrinsics;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>
/// Bytes in one vector of some width: what readers of block types are written in, once for all widths. Elements come in groups of 32, and a
/// vector holds a part of a group: all of it (part 0), or the 16 that start at part 0 or 16.
/// </summary>
/// <typeparam name="TSelf">The vector.</typeparam>
internal unsafe interface IBytes<TSelf>
    where TSelf : struct, IBytes<TSelf>
{
    static abstract TSelf operator |(TSelf a, TSelf b);

    static abstract TSelf operator +(TSelf a, TSelf b);

    static abstract TSelf operator -(TSelf a, TSelf b);

    /// <summary>The low bits of a mask in every byte.</summary>
    static abstract TSelf operator &(TSelf a, byte mask);

    /// <summary>Each byte moved up; what crosses into a neighbour is the caller's to mask off.</summary>
    static abstract TSelf operator <<(TSelf a, int bits);

    /// <summary>Each byte moved down; what crosses into a neighbour is the caller's to mask off.</summary>
    static abstract TSelf operator >>(TSelf a, int bits);

    /// <summary>a | (b &amp; mask).</summary>
    static abstract TSelf Merge(TSelf a, TSelf b, byte mask);

    /// <summary>Bytes in memory.</summary>
    static abstract TSelf Load(byte* bytes);

    /// <summary>The same byte everywhere.</summary>
    static abstract TSelf Same(byte value);

    /// <summary>High halves of bytes.</summary>
    static abstract TSelf High(TSelf bytes);

    /// <summary>Part of a group whose first 16 elements are the low halves of 16 bytes, the others their high halves.</summary>
    static abstract TSelf Nibbles(byte* bytes, int part);

    /// <summary>255 in each byte whose bit of a group's 32-bit mask is set, 0 in the others.</summary>
    static abstract TSelf Bits(byte* mask, int part);

    /// <summary>Entries of a table of 16 that stands twice.</summary>
    static abstract TSelf Lookup(Vector256<byte> table, TSelf indices);

    /// <summary>255 in each byte that is at least a limit, 0 in the others.</summary>
    static abstract TSelf AtLeast(TSelf bytes, byte limit);

    /// <summary>Part of a group that was read in halves.</summary>
    static abstract TSelf Of(Vector128<byte> first, Vector128<byte> second, int part);

    /// <summary>Part of a group that was read as a whole.</summary>
    static abstract TSelf Of(Vector256<byte> group, int part);
}
