using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Four floats, without instructions of one processor family.</summary>
internal readonly unsafe struct Floats128(Vector128<float> value) : IFloats<Floats128>, ILanes<Floats128>
{
    /// <summary>The floats.</summary>
    public readonly Vector128<float> Value = value;

    public static int Count => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 operator +(Floats128 a, Floats128 b) => new(a.Value + b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 operator -(Floats128 a, Floats128 b) => new(a.Value - b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 operator *(Floats128 a, Floats128 b) => new(a.Value * b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 operator /(Floats128 a, Floats128 b) => new(a.Value / b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 operator *(Floats128 a, float factor) => new(a.Value * factor);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 Load(float* floats) => new(Vector128.Load(floats));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 Same(float value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 MultiplyAdd(Floats128 a, Floats128 b, Floats128 c) =>
        new(Vector128.MultiplyAddEstimate(a.Value, b.Value, c.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 MultiplyAdd(Floats128 a, float* b, Floats128 c) =>
        new(Vector128.MultiplyAddEstimate(a.Value, Vector128.Load(b), c.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 Max(Floats128 a, Floats128 b) => new(Vector128.Max(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 Min(Floats128 a, Floats128 b) => new(Vector128.Min(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 Round(Floats128 a) => new(Vector128.Round(a.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 Scale(Floats128 a, Floats128 n)
    {
        Vector128<int> whole = Vector128.ConvertToInt32(n.Value), half = Vector128.ShiftRightArithmetic(whole, 1);
        Vector128<float> f0 = Vector128.ShiftLeft(half + Vector128.Create(127), 23).AsSingle();
        Vector128<float> f1 = Vector128.ShiftLeft(whole - half + Vector128.Create(127), 23).AsSingle();
        return new(a.Value * f0 * f1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Floats128 a) => Vector128.Sum(a.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 Halves(ushort* halves) => new(NarrowSteps.Halves4(halves));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 UnscaledHalves(ushort* halves) =>
        new(NarrowSteps.UnscaledHalves4(halves));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 BrainFloats(ushort* numbers) =>
        new(NarrowSteps.BrainFloats4(numbers));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 Halves(byte* first, int apart) => new(NarrowSteps.Halves4(first, apart));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 Exponents(byte* first, int apart) => new(Vector128.Create(
        Lane.Exponents(first, 0).Value, Lane.Exponents(first + apart, 0).Value, Lane.Exponents(first + (2 * apart), 0).Value,
        Lane.Exponents(first + (3 * apart), 0).Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* floats) => Value.Store(floats);
}
