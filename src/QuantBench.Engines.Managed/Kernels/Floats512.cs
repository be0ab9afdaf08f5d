using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Sixteen floats, with AVX-512.</summary>
internal readonly unsafe struct Floats512(Vector512<float> value) : IFloats<Floats512>
{
    /// <summary>The floats.</summary>
    public readonly Vector512<float> Value = value;

    public static int Count => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 operator +(Floats512 a, Floats512 b) => new(a.Value + b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 operator -(Floats512 a, Floats512 b) => new(a.Value - b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 operator *(Floats512 a, Floats512 b) => new(a.Value * b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 operator /(Floats512 a, Floats512 b) => new(a.Value / b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 Load(float* floats) => new(Vector512.Load(floats));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 Same(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 MultiplyAdd(Floats512 a, Floats512 b, Floats512 c) => new(Avx512F.FusedMultiplyAdd(a.Value, b.Value, c.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 MultiplyAdd(Floats512 a, float* b, Floats512 c) =>
        new(Avx512F.FusedMultiplyAdd(a.Value, Vector512.Load(b), c.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 Max(Floats512 a, Floats512 b) => new(Vector512.Max(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 Min(Floats512 a, Floats512 b) => new(Vector512.Min(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 Round(Floats512 a) => new(Vector512.Round(a.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 Scale(Floats512 a, Floats512 n)
    {
        Vector512<int> whole = Avx512F.ConvertToVector512Int32(n.Value), half = Vector512.ShiftRightArithmetic(whole, 1);
        Vector512<float> f0 = Vector512.ShiftLeft(half + Vector512.Create(127), 23).AsSingle();
        Vector512<float> f1 = Vector512.ShiftLeft(whole - half + Vector512.Create(127), 23).AsSingle();
        return new(a.Value * f0 * f1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Floats512 a) => Vector512.Sum(a.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 Halves(ushort* halves) => new(Kernels.Halves.Widen16(halves));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 UnscaledHalves(ushort* halves) =>
        new((Vector512.ShiftLeft(Avx512F.ConvertToVector512Int32(Vector256.Load((short*)halves)), 13)
            & Vector512.Create(Kernels.Halves.Mask)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 BrainFloats(ushort* numbers) =>
        new(Vector512.ShiftLeft(Avx512F.ConvertToVector512Int32(Vector256.Load(numbers)), 16).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* floats) => Value.Store(floats);
}
