using System.Runtime.CompilerServices;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Scales and minima of types of 32-element blocks.</summary>
internal static unsafe class Scales32
{
    /// <summary>Those of as many blocks as there are lanes.</summary>
    /// <typeparam name="TBlock">The type.</typeparam>
    /// <typeparam name="TLanes">The lanes.</typeparam>
    /// <param name="blocks">The first block.</param>
    /// <param name="scales">A scale per block.</param>
    /// <param name="minima">A minimum per block; nothing for signed types.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Read<TBlock, TLanes>(byte* blocks, out TLanes scales, out TLanes minima)
        where TBlock : struct, IWeightBlock32
        where TLanes : struct, ILanes<TLanes>
    {
        scales = TBlock.Scale<TLanes>(blocks, TBlock.Bytes);
        minima = default;
        if (TBlock.HasMinimum) minima = TLanes.Halves(blocks + sizeof(ushort), TBlock.Bytes);
        else if (!TBlock.Signed) minima = scales * -TBlock.Zero;
    }
}
