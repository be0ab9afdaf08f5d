using System.Runtime.Intrinsics;
using QuantBench.Formats.Blocks;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>
/// A superblock type whose levels lie in a codebook. Panels read it like any other type; for single tokens levels and signs stay apart,
/// because turning the inputs' signs is cheaper than turning the levels' and moving them above zero.
/// </summary>
internal unsafe interface ICodebookBlock : IWeightBlock
{
    /// <summary>Whether levels are magnitudes with signs of their own; otherwise they are the block's quants.</summary>
    static virtual bool HasSigns => true;

    /// <summary>The codebook. Read once per row: static fields aren't constants to code that is compiled before they are set.</summary>
    static abstract byte* Entries { get; }

    /// <summary>Levels of 32 elements.</summary>
    /// <param name="entries">The codebook.</param>
    /// <param name="block">The block.</param>
    /// <param name="group">Which 32.</param>
    static abstract Vector256<byte> Levels(byte* entries, byte* block, int group);

    /// <summary>Sign bits of all elements, 32 at a time; set = negative.</summary>
    /// <param name="block">The block.</param>
    /// <param name="room">[8], for types that don't store them so.</param>
    /// <returns>Where they are.</returns>
    static virtual uint* Signs(byte* block, uint* room) => room;
}

/// <summary>A codebook type whose sizes are those that its codec states.</summary>
/// <typeparam name="TFacts">The type's codec.</typeparam>
internal interface ICodebookBlock<TFacts> : ICodebookBlock, IWeightBlock<TFacts>
    where TFacts : struct, IBlockFacts
{
}
