using System.Runtime.CompilerServices;
using QuantBench.Formats.Blocks;

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
    static virtual int SubElements => 32;

    /// <summary>Whether q is signed; there are no minima then.</summary>
    static virtual bool Signed => false;

    /// <summary>Largest |q|; decides how many products fit a 16-bit sum. Up to 127 when q is unsigned.</summary>
    static abstract int Largest { get; }

    /// <summary>Part of the q of 32 elements.</summary>
    /// <typeparam name="TBytes">A vector of the kernel's width.</typeparam>
    /// <param name="block">The block.</param>
    /// <param name="group">Which 32.</param>
    /// <param name="part">Which of them; see <see cref="IBytes{TSelf}"/>.</param>
    static abstract TBytes Quants<TBytes>(byte* block, int group, int part)
        where TBytes : struct, IBytes<TBytes>;

    /// <summary>Scales and minima of all sub-blocks.</summary>
    /// <param name="block">The block.</param>
    /// <param name="scales">[elements / sub-elements].</param>
    /// <param name="minima">[elements / sub-elements]; not written by signed types.</param>
    static abstract void Scales(byte* block, float* scales, float* minima);
}

/// <summary>A block whose sizes are those that its codec states.</summary>
/// <typeparam name="TFacts">The type's codec.</typeparam>
internal interface IWeightBlock<TFacts> : IWeightBlock
    where TFacts : struct, IBlockFacts
{
    static int IWeightBlock.Elements => TFacts.Elements;

    static int IWeightBlock.Bytes => TFacts.Bytes;
}

/// <summary>A type of 32-element blocks, whose scales are read several blocks at a time.</summary>
internal unsafe interface IWeightBlock32 : IWeightBlock
{
    /// <summary>The q that stands for zero, where there is no minimum of its own.</summary>
    static virtual float Zero => 0;

    /// <summary>Whether a minimum follows the scale.</summary>
    static virtual bool HasMinimum => false;

    /// <summary>Scales of consecutive blocks, one per lane.</summary>
    /// <typeparam name="TLanes">The lanes.</typeparam>
    /// <param name="blocks">The first block.</param>
    /// <param name="apart">Bytes from one to the next.</param>
    static virtual TLanes Scale<TLanes>(byte* blocks, int apart)
        where TLanes : struct, ILanes<TLanes> => TLanes.Halves(blocks, apart);
}

/// <summary>A type of 32-element blocks.</summary>
/// <typeparam name="TSelf">The type.</typeparam>
/// <typeparam name="TFacts">Its codec.</typeparam>
internal unsafe interface IWeightBlock32<TSelf, TFacts> : IWeightBlock<TFacts>, IWeightBlock32
    where TSelf : struct, IWeightBlock32<TSelf, TFacts>
    where TFacts : struct, IBlockFacts
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IWeightBlock.Scales(byte* block, float* scales, float* minima)
    {
        Scales32.Read<TSelf, Lane>(block, out Lane scale, out Lane minimum);
        *scales = scale.Value;
        *minima = minimum.Value;
    }
}
