using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Sums of products that all kernels for single tokens share.</summary>
internal static class Steps
{
    /// <summary>
    /// Sums of four neighbouring products, as floats. Both ways are exact: two products of a number up to 128 with one up to 127 fit 16
    /// bits.
    /// </summary>
    /// <param name="weights">Unsigned numbers up to 128.</param>
    /// <param name="inputs">Signed ones.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Sums8(Vector256<byte> weights, Vector256<sbyte> inputs)
    {
        if (AvxVnni.IsSupported) return Avx.ConvertToVector256Single(AvxVnni.MultiplyWideningAndAdd(Vector256<int>.Zero, weights, inputs));
        Vector256<short> pairs = Avx2.MultiplyAddAdjacent(weights, inputs);
        return Avx.ConvertToVector256Single(Avx2.MultiplyAddAdjacent(pairs, Vector256.Create((short)1)));
    }
}
