using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>
/// Half to single precision without the F16C instructions, which .NET doesn't offer. Exponent and fraction are moved into place, the
/// exponent is raised to the top of its range, where infinities and NaNs stay what they are, and a multiplication brings it down to where
/// it belongs. Subnormal halves, whose exponent field is 0, are read as fraction plus 2⁻¹⁴ and that is subtracted again. Multiplying the
/// bias in from below would be shorter, but its subnormal operands took the processor three times as long as all the rest of a K-quant's
/// row (Zen 5), and small scales are subnormal.
/// </summary>
internal static unsafe class Halves
{
    /// <summary>2¹¹², the difference of the biases as a factor.</summary>
    public const float Bias = 5.192296858534828e33f;

    /// <summary>Exponent and fraction of a half, 13 bits further left.</summary>
    public const int Magnitude = 0x0FFFE000;

    /// <summary>The sign of a half that was extended to 32 bits and moved left.</summary>
    public const int Sign = unchecked((int)0x80000000);

    /// <summary>What makes a half's largest exponent a float's largest one.</summary>
    public const int Raise = 224 << 23;

    /// <summary>2⁻¹¹², which takes a raised exponent to where it belongs.</summary>
    public const float Lower = 1.9259299443872359e-34f;

    /// <summary>What moves a subnormal half's fraction above <see cref="SubnormalOffset"/>.</summary>
    public const int SubnormalBase = 113 << 23;

    /// <summary>Magnitudes below it are subnormal halves.</summary>
    public const int SmallestNormal = 1 << 23;

    /// <summary>What subnormal halves are read above.</summary>
    public const float SubnormalOffset = 1f / (1 << 14);

    /// <summary>All bits of a half that was moved left.</summary>
    public const int Mask = Magnitude | Sign;

    /// <summary>One number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ToFloat(ushort half)
    {
        int moved = (short)half << 13;
        int magnitude = moved & Magnitude;
        int bits = magnitude < SmallestNormal
            ? BitConverter.SingleToInt32Bits(BitConverter.Int32BitsToSingle(magnitude + SubnormalBase) - SubnormalOffset)
            : BitConverter.SingleToInt32Bits(BitConverter.Int32BitsToSingle(magnitude + Raise) * Lower);
        return BitConverter.Int32BitsToSingle(bits | (moved & Sign));
    }

    /// <summary>Eight numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Widen(Vector128<short> halves)
    {
        Vector256<int> moved = Vector256.ShiftLeft(Avx2.ConvertToVector256Int32(halves), 13);
        Vector256<int> magnitude = moved & Vector256.Create(Magnitude);
        Vector256<float> normal = (magnitude + Vector256.Create(Raise)).AsSingle() * Vector256.Create(Lower);
        Vector256<float> subnormal = (magnitude + Vector256.Create(SubnormalBase)).AsSingle() - Vector256.Create(SubnormalOffset);
        Vector256<float> value = Vector256.ConditionalSelect(
            Vector256.LessThan(magnitude, Vector256.Create(SmallestNormal)).AsSingle(), subnormal, normal);
        return (value.AsInt32() | (moved & Vector256.Create(Sign))).AsSingle();
    }

    /// <summary>Sixteen numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Widen16(ushort* halves)
    {
        Vector512<int> moved = Vector512.ShiftLeft(Avx512F.ConvertToVector512Int32(Vector256.Load((short*)halves)), 13);
        Vector512<int> magnitude = moved & Vector512.Create(Magnitude);
        Vector512<float> normal = (magnitude + Vector512.Create(Raise)).AsSingle() * Vector512.Create(Lower);
        Vector512<float> subnormal = (magnitude + Vector512.Create(SubnormalBase)).AsSingle() - Vector512.Create(SubnormalOffset);
        Vector512<float> value = Vector512.ConditionalSelect(
            Vector512.LessThan(magnitude, Vector512.Create(SmallestNormal)).AsSingle(), subnormal, normal);
        return (value.AsInt32() | (moved & Vector512.Create(Sign))).AsSingle();
    }
}
