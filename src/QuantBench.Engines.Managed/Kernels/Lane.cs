using System.Runtime.CompilerServices;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>One number.</summary>
internal readonly unsafe struct Lane(float value) : ILanes<Lane>
{
    /// <summary>The number.</summary>
    public readonly float Value = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane operator *(Lane a, float factor) => new(a.Value * factor);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane Halves(byte* first, int apart) => new(Kernels.Halves.ToFloat(*(ushort*)first));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane Exponents(byte* first, int apart) =>
        new(BitConverter.Int32BitsToSingle(*first < 2 ? 0x00200000 << *first : (*first - 1) << 23));
}
