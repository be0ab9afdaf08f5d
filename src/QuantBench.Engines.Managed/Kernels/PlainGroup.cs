using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Elements that are what they are read as.</summary>
/// <typeparam name="TBlock">The type.</typeparam>
internal unsafe struct PlainGroup<TBlock> : IGroup
    where TBlock : struct, IWeightBlock
{
    static bool IGroup.HasMinima => !TBlock.Signed;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> IGroup.Products(byte* block, byte* entries, int group, uint* signs, sbyte* inputs) =>
        Products(TBlock.Quants<Bytes256>(block, group, 0), inputs + (32 * group));

    /// <summary>Sums of four neighbouring products.</summary>
    /// <param name="quants">A group's q.</param>
    /// <param name="inputs">Its inputs.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Products(Bytes256 quants, sbyte* inputs)
    {
        if (!TBlock.Signed) return Steps.Sums8(quants.Value, Vector256.Load(inputs));

        // One factor must be unsigned: |w| · (x with w's sign). −128 becomes 128 as an unsigned byte, so nothing is lost.
        Vector256<sbyte> weights = quants.Value.AsSByte();
        return Steps.Sums8(Avx2.Abs(weights), Avx2.Sign(Vector256.Load(inputs), weights));
    }
}
