using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>
/// Half to single precision without the F16C instructions, which .NET doesn't offer: exponent and fraction are moved into place and the
/// difference of the exponents' biases is multiplied in, which is exact for normal and subnormal halves. Infinities and NaNs, which no valid
/// weight or cache entry is, become finite numbers of 2¹⁶ and more.
/// </summary>
internal static unsafe class Halves
{
    /// <summary>2¹¹², the difference of the biases as a factor.</summary>
    public const float Bias = 5.192296858534828e33f;

    private const int Mask = unchecked((int)0x8FFFE000);

    /// <summary>One number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ToFloat(ushort half) => BitConverter.Int32BitsToSingle((((short)half) << 13) & Mask) * Bias;

    /// <summary>Eight numbers, too small by <see cref="Bias"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Unscaled8(ushort* halves) =>
        (Vector256.ShiftLeft(Avx2.ConvertToVector256Int32((short*)halves), 13) & Vector256.Create(Mask)).AsSingle();

    /// <summary>Eight numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Widen8(ushort* halves) => Unscaled8(halves) * Vector256.Create(Bias);

    /// <summary>Eight numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Widen(Vector128<short> halves) =>
        (Vector256.ShiftLeft(Avx2.ConvertToVector256Int32(halves), 13) & Vector256.Create(Mask)).AsSingle() * Vector256.Create(Bias);

    /// <summary>Sixteen numbers, too small by <see cref="Bias"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Unscaled16(ushort* halves) =>
        (Vector512.ShiftLeft(Avx512F.ConvertToVector512Int32(Vector256.Load((short*)halves)), 13) & Vector512.Create(Mask)).AsSingle();

    /// <summary>Sixteen numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Widen16(ushort* halves) => Unscaled16(halves) * Vector512.Create(Bias);
}
