using System.Runtime.CompilerServices;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Floats of some type as weights of a product. The members are constants to the compiler.</summary>
internal unsafe interface IFloatWeights
{
    /// <summary>Bytes of a weight.</summary>
    static virtual int Bytes => sizeof(ushort);

    /// <summary>Factor of inputs.</summary>
    static virtual float InputScale => 1;

    /// <summary>Factor of sums of products.</summary>
    static virtual float SumScale => 1;

    /// <summary>Whether infinities and NaNs are read as finite numbers.</summary>
    static virtual bool NeedsFinite => false;

    /// <summary>As many consecutive weights as a vector holds.</summary>
    static abstract TFloats Load<TFloats>(byte* weights)
        where TFloats : struct, IFloats<TFloats>;

    /// <summary>One weight, for inputs without a factor.</summary>
    static abstract float One(byte* weight);
}

/// <summary>32-bit floats.</summary>
internal unsafe struct WeightsF32 : IFloatWeights
{
    static int IFloatWeights.Bytes => sizeof(float);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TFloats IFloatWeights.Load<TFloats>(byte* weights) => TFloats.Load((float*)weights);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static float IFloatWeights.One(byte* weight) => *(float*)weight;
}

/// <summary>bfloat16 numbers.</summary>
internal unsafe struct WeightsBF16 : IFloatWeights
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TFloats IFloatWeights.Load<TFloats>(byte* weights) => TFloats.BrainFloats((ushort*)weights);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static float IFloatWeights.One(byte* weight) => BitConverter.Int32BitsToSingle(*(ushort*)weight << 16);
}

/// <summary>Half-precision numbers.</summary>
internal unsafe struct WeightsF16 : IFloatWeights
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TFloats IFloatWeights.Load<TFloats>(byte* weights) => TFloats.Halves((ushort*)weights);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static float IFloatWeights.One(byte* weight) => Halves.ToFloat(*(ushort*)weight);
}

/// <summary>
/// Half-precision numbers whose exponent's bias isn't corrected: they are too small by 2¹¹². Inputs raised by 2⁹⁶ keep the products normal
/// for |x| &lt; 2³¹, and the sum is corrected once. For rows without infinities and NaNs, which would be read as 2¹⁶ and more.
/// </summary>
internal unsafe struct WeightsUnscaledF16 : IFloatWeights
{
    static bool IFloatWeights.NeedsFinite => true;

    static float IFloatWeights.InputScale => 7.922816251426434e28f;

    static float IFloatWeights.SumScale => Halves.Bias / 7.922816251426434e28f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TFloats IFloatWeights.Load<TFloats>(byte* weights) => TFloats.UnscaledHalves((ushort*)weights);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static float IFloatWeights.One(byte* weight) => Halves.ToFloat(*(ushort*)weight);
}
