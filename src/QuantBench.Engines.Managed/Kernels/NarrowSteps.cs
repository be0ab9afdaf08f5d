using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>
/// Steps of the 128-bit kernels that have no portable form of one instruction: each takes ARM's where this process has it and computes the
/// same integers from portable vectors elsewhere.
/// </summary>
internal static unsafe class NarrowSteps
{
    /// <summary>Lane i gains the sum of products of bytes 4i … 4i + 3. Inputs lie between −127 and 127.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Dot4(Vector128<int> sums, Vector128<sbyte> weights, Vector128<sbyte> inputs)
    {
        if (Dp.IsSupported) return Dp.DotProduct(sums, weights, inputs);

        // Products are at most 128 · 127, so two of them fit 16 bits: pairs first, then pairs of pairs.
        if (AdvSimd.Arm64.IsSupported)
        {
            Vector128<short> a = AdvSimd.MultiplyWideningLower(weights.GetLower(), inputs.GetLower());
            Vector128<short> b = AdvSimd.MultiplyWideningUpper(weights, inputs);
            return AdvSimd.AddPairwiseWideningAndAdd(sums, AdvSimd.Arm64.AddPairwise(a, b));
        }

        (Vector128<short> w0, Vector128<short> w1) = Vector128.Widen(weights);
        (Vector128<short> x0, Vector128<short> x1) = Vector128.Widen(inputs);
        Vector128<int> low = AddHalves((w0 * x0).AsInt32()), high = AddHalves((w1 * x1).AsInt32());
        return sums + AddPairs(low, high);
    }

    /// <summary>The same, every lane with the same four input bytes: those of lane <paramref name="quad"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Dot4(
        Vector128<int> sums, Vector128<sbyte> weights, Vector128<sbyte> inputs, [ConstantExpected(Max = (byte)3)] byte quad) =>
        Dp.IsSupported
            ? Dp.DotProductBySelectedQuadruplet(sums, weights, inputs, quad)
            : Dot4(sums, weights, Vector128.Create(inputs.AsInt32().GetElement(quad)).AsSByte());

    /// <summary>The sums of four vectors, one per lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Sums(Vector128<int> a, Vector128<int> b, Vector128<int> c, Vector128<int> d) =>
        AddPairs(AddPairs(a, b), AddPairs(c, d));

    /// <summary>Four half-precision numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Halves4(ushort* halves) =>
        Widen(Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(long*)halves).AsInt16()));

    /// <summary>Four half-precision numbers, too small by <see cref="Halves.Bias"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> UnscaledHalves4(ushort* halves) =>
        (Vector128.ShiftLeft(Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(long*)halves).AsInt16()), 13)
            & Vector128.Create(Halves.Mask)).AsSingle();

    /// <summary>Four half-precision numbers that lie a fixed distance apart.</summary>
    /// <param name="first">The first.</param>
    /// <param name="apart">Bytes from one to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Halves4(byte* first, int apart) => Widen(Vector128.Create(
        *(short*)first, *(short*)(first + apart), *(short*)(first + (2 * apart)), (int)*(short*)(first + (3 * apart))));

    /// <summary>Four floats whose upper halves are bfloat16 numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> BrainFloats4(ushort* numbers) =>
        Vector128.ShiftLeft(Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(ulong*)numbers).AsUInt16()), 16).AsSingle();

    /// <summary>Bits of halves, sign-extended to 32, as floats; see <see cref="Halves"/> for how subnormal ones are read.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Widen(Vector128<int> halves)
    {
        Vector128<int> moved = Vector128.ShiftLeft(halves, 13);
        Vector128<int> magnitude = moved & Vector128.Create(Halves.Magnitude);
        Vector128<float> normal = (magnitude + Vector128.Create(Halves.Raise)).AsSingle() * Vector128.Create(Halves.Lower);
        Vector128<float> subnormal = (magnitude + Vector128.Create(Halves.SubnormalBase)).AsSingle()
            - Vector128.Create(Halves.SubnormalOffset);
        Vector128<float> value = Vector128.ConditionalSelect(
            Vector128.LessThan(magnitude, Vector128.Create(Halves.SmallestNormal)).AsSingle(), subnormal, normal);
        return (value.AsInt32() | (moved & Vector128.Create(Halves.Sign))).AsSingle();
    }

    /// <summary>Sums of neighbours: two of a, then two of b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> AddPairs(Vector128<int> a, Vector128<int> b)
    {
        if (AdvSimd.Arm64.IsSupported) return AdvSimd.Arm64.AddPairwise(a, b);
        Vector128<uint> even = Vector128.Narrow(a.AsUInt64(), b.AsUInt64());
        Vector128<uint> odd =
            Vector128.Narrow(Vector128.ShiftRightLogical(a.AsUInt64(), 32), Vector128.ShiftRightLogical(b.AsUInt64(), 32));
        return (even + odd).AsInt32();
    }

    /// <summary>Sums of each lane's two 16-bit halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> AddHalves(Vector128<int> pairs) =>
        Vector128.ShiftRightArithmetic(Vector128.ShiftLeft(pairs, 16), 16) + Vector128.ShiftRightArithmetic(pairs, 16);
}
