using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Eight floats, with AVX2 and FMA.</summary>
internal readonly unsafe struct Floats256(Vector256<float> value) : IFloats<Floats256>, ILanes<Floats256>
{
    /// <summary>The floats.</summary>
    public readonly Vector256<float> Value = value;

    public static int Count => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 operator +(Floats256 a, Floats256 b) => new(a.Value + b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 operator -(Floats256 a, Floats256 b) => new(a.Value - b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 operator *(Floats256 a, Floats256 b) => new(a.Value * b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 operator /(Floats256 a, Floats256 b) => new(a.Value / b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 operator *(Floats256 a, float factor) => new(a.Value * factor);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 Load(float* floats) => new(Vector256.Load(floats));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 Same(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 MultiplyAdd(Floats256 a, Floats256 b, Floats256 c) => new(Fma.MultiplyAdd(a.Value, b.Value, c.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 MultiplyAdd(Floats256 a, float* b, Floats256 c) => new(Fma.MultiplyAdd(a.Value, Vector256.Load(b), c.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 Max(Floats256 a, Floats256 b) => new(Vector256.Max(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 Min(Floats256 a, Floats256 b) => new(Vector256.Min(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 Round(Floats256 a) => new(Avx.RoundToNearestInteger(a.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 Scale(Floats256 a, Floats256 n)
    {
        Vector256<int> whole = Avx.ConvertToVector256Int32(n.Value), half = Vector256.ShiftRightArithmetic(whole, 1);
        Vector256<float> f0 = Vector256.ShiftLeft(half + Vector256.Create(127), 23).AsSingle();
        Vector256<float> f1 = Vector256.ShiftLeft(whole - half + Vector256.Create(127), 23).AsSingle();
        return new(a.Value * f0 * f1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Floats256 a) => Vector256.Sum(a.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 Halves(ushort* halves) => new(Kernels.Halves.Widen(Vector128.Load((short*)halves)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 UnscaledHalves(ushort* halves) =>
        new((Vector256.ShiftLeft(Avx2.ConvertToVector256Int32(Vector128.Load((short*)halves)), 13)
            & Vector256.Create(Kernels.Halves.Mask)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 BrainFloats(ushort* numbers) =>
        new(Vector256.ShiftLeft(Avx2.ConvertToVector256Int32(Vector128.Load(numbers)), 16).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 Halves(byte* first, int apart)
    {
        Vector128<short> halves = Vector128.CreateScalarUnsafe((int)*(ushort*)first).AsInt16();
        halves = Sse2.Insert(halves, *(short*)(first + apart), 1);
        halves = Sse2.Insert(halves, *(short*)(first + (2 * apart)), 2);
        halves = Sse2.Insert(halves, *(short*)(first + (3 * apart)), 3);
        halves = Sse2.Insert(halves, *(short*)(first + (4 * apart)), 4);
        halves = Sse2.Insert(halves, *(short*)(first + (5 * apart)), 5);
        halves = Sse2.Insert(halves, *(short*)(first + (6 * apart)), 6);
        halves = Sse2.Insert(halves, *(short*)(first + (7 * apart)), 7);
        return new(Kernels.Halves.Widen(halves));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 Exponents(byte* first, int apart)
    {
        Vector256<int> exponents = Vector256.Create(
            first[0], first[apart], first[2 * apart], first[3 * apart], first[4 * apart], first[5 * apart], first[6 * apart],
            first[7 * apart]);
        Vector256<int> below = Avx2.ShiftLeftLogicalVariable(Vector256.Create(0x00200000), exponents.AsUInt32());
        return new(Vector256.ConditionalSelect(
            Vector256.LessThan(exponents, Vector256.Create(2)), below, Vector256.ShiftLeft(exponents - Vector256.Create(1), 23))
            .AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* floats) => Value.Store(floats);
}
