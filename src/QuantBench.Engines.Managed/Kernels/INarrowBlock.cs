using System.Runtime.Intrinsics;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>
/// How a quantized type's block looks to the 128-bit kernels: element i of sub-block s is scale(s)·q(i) + minimum(s) with q from −128 to
/// 127. It is what <see cref="IWeightBlock"/> is to the wider sets, written without instructions of one processor family. The members are
/// constants to the compiler, so one kernel serves all types.
/// </summary>
internal unsafe interface INarrowBlock
{
    /// <summary>Elements per block: 32 or 256.</summary>
    static abstract int Elements { get; }

    /// <summary>Bytes per block.</summary>
    static abstract int Bytes { get; }

    /// <summary>Elements per scale: 16 or 32.</summary>
    static abstract int SubElements { get; }

    /// <summary>Whether there are minima.</summary>
    static abstract bool HasMinima { get; }

    /// <summary>q of 16 elements.</summary>
    /// <param name="block">The block.</param>
    /// <param name="piece">Which 16.</param>
    static abstract Vector128<sbyte> Quants(byte* block, int piece);

    /// <summary>Scales and minima of all sub-blocks.</summary>
    /// <param name="block">The block.</param>
    /// <param name="scales">[elements / sub-elements].</param>
    /// <param name="minima">[elements / sub-elements]; not written by types without.</param>
    static abstract void Scales(byte* block, float* scales, float* minima);
}

/// <summary>A type of 32-element blocks, whose scales are read four blocks at a time.</summary>
internal unsafe interface INarrowBlock32 : INarrowBlock
{
    /// <summary>Scales and minima of four consecutive blocks.</summary>
    /// <param name="blocks">The first block.</param>
    /// <param name="scales">A scale per block.</param>
    /// <param name="minima">A minimum per block; nothing for types without.</param>
    static abstract void Scales4(byte* blocks, out Vector128<float> scales, out Vector128<float> minima);
}
