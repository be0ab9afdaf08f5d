using System.Runtime.Intrinsics;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>
/// How a quantized type's block looks to integer kernels: element i of sub-block s is scale(s)·q(i) + minimum(s) with small integers q. The
/// members are constants to the compiler, so one kernel serves all types.
/// </summary>
internal unsafe interface IWeightBlock
{
    /// <summary>Elements per block: 32, 64, 128 or 256.</summary>
    static abstract int Elements { get; }

    /// <summary>Bytes per block.</summary>
    static abstract int Bytes { get; }

    /// <summary>Elements per scale: 16 or 32.</summary>
    static abstract int SubElements { get; }

    /// <summary>Whether q is signed; there are no minima then.</summary>
    static abstract bool Signed { get; }

    /// <summary>Largest |q|; decides how many products fit a 16-bit sum.</summary>
    static abstract int Largest { get; }

    /// <summary>q of 32 elements.</summary>
    /// <param name="block">The block.</param>
    /// <param name="group">Which 32.</param>
    static abstract Vector256<byte> Quants(byte* block, int group);

    /// <summary>Scales and minima of all sub-blocks.</summary>
    /// <param name="block">The block.</param>
    /// <param name="scales">[elements / sub-elements].</param>
    /// <param name="minima">[elements / sub-elements]; not written by signed types.</param>
    static abstract void Scales(byte* block, float* scales, float* minima);
}

/// <summary>A type of 32-element blocks, whose scales are read eight blocks at a time.</summary>
internal unsafe interface IWeightBlock32 : IWeightBlock
{
    /// <summary>Scales and minima of eight consecutive blocks.</summary>
    /// <param name="blocks">The first block.</param>
    /// <param name="scales">A scale per block.</param>
    /// <param name="minima">A minimum per block; nothing for signed types.</param>
    static abstract void Scales8(byte* blocks, out Vector256<float> scales, out Vector256<float> minima);
}
