using System.Runtime.Intrinsics;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Products of 32 elements of a superblock with inputs.</summary>
internal unsafe interface IGroup
{
    /// <summary>Whether minima must be added.</summary>
    static abstract bool HasMinima { get; }

    /// <summary>The type's codebook, if it has one.</summary>
    static virtual byte* Entries => null;

    /// <summary>Sign bits of all of a block's elements, for types whose quants are magnitudes.</summary>
    /// <param name="block">The block.</param>
    /// <param name="room">[8].</param>
    static virtual uint* Signs(byte* block, uint* room) => room;

    /// <summary>Sums of four neighbouring products.</summary>
    /// <param name="block">The block.</param>
    /// <param name="entries">The codebook.</param>
    /// <param name="group">Which 32.</param>
    /// <param name="signs">From <see cref="Signs"/>.</param>
    /// <param name="inputs">The block's inputs.</param>
    static abstract Vector256<float> Products(byte* block, byte* entries, int group, uint* signs, sbyte* inputs);
}
