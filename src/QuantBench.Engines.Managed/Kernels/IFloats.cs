namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Floats in one vector of some width: what the floating-point kernels are written in, once for all widths.</summary>
/// <typeparam name="TSelf">The vector.</typeparam>
internal unsafe interface IFloats<TSelf>
    where TSelf : struct, IFloats<TSelf>
{
    /// <summary>Floats in a vector.</summary>
    static abstract int Count { get; }

    static abstract TSelf operator +(TSelf a, TSelf b);

    static abstract TSelf operator -(TSelf a, TSelf b);

    static abstract TSelf operator *(TSelf a, TSelf b);

    static abstract TSelf operator /(TSelf a, TSelf b);

    /// <summary>Floats in memory.</summary>
    static abstract TSelf Load(float* floats);

    /// <summary>The same float everywhere.</summary>
    static abstract TSelf Same(float value);

    /// <summary>a · b + c.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);

    /// <summary>a · floats in memory + c. The load stays part of the instruction.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, float* b, TSelf c);

    /// <summary>The larger ones.</summary>
    static abstract TSelf Max(TSelf a, TSelf b);

    /// <summary>The smaller ones.</summary>
    static abstract TSelf Min(TSelf a, TSelf b);

    /// <summary>Nearest whole numbers, ties to even.</summary>
    static abstract TSelf Round(TSelf a);

    /// <summary>a · 2ⁿ for whole n; 2ⁿ is multiplied in two halves, so that results below the normal range don't wrap.</summary>
    static abstract TSelf Scale(TSelf a, TSelf n);

    /// <summary>Sum of all.</summary>
    static abstract float Sum(TSelf a);

    /// <summary>Consecutive half-precision numbers.</summary>
    static abstract TSelf Halves(ushort* halves);

    /// <summary>Consecutive half-precision numbers, too small by <see cref="Kernels.Halves.Bias"/>: for products, which lose nothing on
    /// subnormal operands as a multiply-add.</summary>
    static abstract TSelf UnscaledHalves(ushort* halves);

    /// <summary>Consecutive bfloat16 numbers, the upper halves of floats.</summary>
    static abstract TSelf BrainFloats(ushort* numbers);

    /// <summary>Writes all of them.</summary>
    void Store(float* floats);
}
