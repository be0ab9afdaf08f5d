using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Products of floats with floats, and what floats of other types widen to.</summary>
internal static unsafe class FloatDot
{
    /// <summary>Products of some rows with one token.</summary>
    /// <typeparam name="TFloats">The vectors.</typeparam>
    /// <typeparam name="TWeights">The weights' type.</typeparam>
    /// <param name="weights">The matrix.</param>
    /// <param name="first">First row.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="x">The token's inputs.</param>
    /// <param name="output">Row r goes to element r.</param>
    /// <param name="scratch">The worker's memory.</param>
    public static void Rows<TFloats, TWeights>(
        WeightMatrix weights, int first, int rows, float* x, float* output, WorkerScratch scratch)
        where TFloats : struct, IFloats<TFloats>
        where TWeights : struct, IFloatWeights
    {
        int columns = weights.Columns;
        float* scaled = x;
        if (TWeights.InputScale != 1)
        {
            TensorPrimitives.Multiply(new ReadOnlySpan<float>(x, columns), TWeights.InputScale, new Span<float>(scratch.Row, columns));
            scaled = scratch.Row;
        }

        for (int row = first; row < first + rows; row++)
        {
            output[row] = !TWeights.NeedsFinite || weights.HasFiniteHalves(row)
                ? Sum<TFloats, TWeights>(weights.Row(row), scaled, columns)
                : Sum<TFloats, WeightsF16>(weights.Row(row), x, columns);
        }
    }

    /// <summary>Σ wᵢ·xᵢ.</summary>
    /// <typeparam name="TFloats">The vectors.</typeparam>
    /// <typeparam name="TWeights">The weights' type.</typeparam>
    /// <param name="w">[n].</param>
    /// <param name="x">[n], times the weights' <see cref="IFloatWeights.InputScale"/>.</param>
    /// <param name="n">Elements.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Sum<TFloats, TWeights>(void* w, float* x, int n)
        where TFloats : struct, IFloats<TFloats>
        where TWeights : struct, IFloatWeights
    {
        TFloats s0 = default, s1 = default, s2 = default, s3 = default;
        byte* at = (byte*)w;
        int count = TFloats.Count, bytes = TFloats.Count * TWeights.Bytes, i = 0;
        for (; i <= n - (4 * count); i += 4 * count)
        {
            s0 = TFloats.MultiplyAdd(TWeights.Load<TFloats>(at), x, s0);
            s1 = TFloats.MultiplyAdd(TWeights.Load<TFloats>(at + bytes), x + count, s1);
            s2 = TFloats.MultiplyAdd(TWeights.Load<TFloats>(at + (2 * bytes)), x + (2 * count), s2);
            s3 = TFloats.MultiplyAdd(TWeights.Load<TFloats>(at + (3 * bytes)), x + (3 * count), s3);
            at += 4 * bytes;
            x += 4 * count;
        }

        for (; i <= n - count; i += count, at += bytes, x += count) s0 = TFloats.MultiplyAdd(TWeights.Load<TFloats>(at), x, s0);
        float sum = TFloats.Sum(s0 + s1 + (s2 + s3)) * TWeights.SumScale;
        for (; i < n; i++, at += TWeights.Bytes, x++) sum += TWeights.One(at) * (*x / TWeights.InputScale);
        return sum;
    }

    /// <summary>Floats of n weights.</summary>
    /// <typeparam name="TFloats">The vectors.</typeparam>
    /// <typeparam name="TWeights">The weights' type, without <see cref="IFloatWeights.InputScale"/>.</typeparam>
    /// <param name="w">[n].</param>
    /// <param name="floats">[n].</param>
    /// <param name="n">Elements.</param>
    public static void Widen<TFloats, TWeights>(void* w, float* floats, int n)
        where TFloats : struct, IFloats<TFloats>
        where TWeights : struct, IFloatWeights
    {
        byte* at = (byte*)w;
        int i = 0;
        for (; i <= n - TFloats.Count; i += TFloats.Count, at += TFloats.Count * TWeights.Bytes)
            TWeights.Load<TFloats>(at).Store(floats + i);
        for (; i < n; i++, at += TWeights.Bytes) floats[i] = TWeights.One(at);
    }
}
