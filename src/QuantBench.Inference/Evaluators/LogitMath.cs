using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace QuantBench.Inference.Evaluators;

/// <summary>Normaliser of one row of logits: ln Σ exp(xᵢ) = <see cref="Max"/> + ln <see cref="SumExp"/>.</summary>
/// <param name="Max">Largest logit; NaN when the row holds a NaN or an infinity.</param>
/// <param name="SumExp">Σ exp(xᵢ − max); at least about 1.</param>
internal readonly record struct LogPartition(float Max, double SumExp)
{
    /// <summary>ln Σ exp(xᵢ).</summary>
    public double Value => Max + Math.Log(SumExp);

    /// <summary>Whether every logit is finite.</summary>
    public bool IsFinite => float.IsFinite(Max);
}

/// <summary>Two rows of logits compared.</summary>
/// <param name="Reference">Normaliser of the reference row.</param>
/// <param name="Variant">Normaliser of the variant's row.</param>
/// <param name="Kl">
/// KL(reference ‖ variant) in nats, as computed: rounding can leave about −1e-8 where the truth is 0, and nothing is clamped, so that means
/// stay unbiased. Equal rows give exactly 0.
/// </param>
internal readonly record struct RowDivergence(LogPartition Reference, LogPartition Variant, double Kl);

/// <summary>Sums over pairs of logits (<see cref="LogitMath.Sums"/>).</summary>
/// <param name="Reference">Of the reference's exponentials.</param>
/// <param name="Variant">Of the variant's.</param>
/// <param name="Product">Of the reference's exponentials times the differences.</param>
internal readonly record struct RowSums(double Reference, double Variant, double Product);

/// <summary>
/// Softmax arithmetic over rows of logits: exponentials in float, sums in double, as llama-perplexity does. Each function has a scalar twin
/// in double that is its definition. The row functions are compiled optimised at once: a cell's process lives for seconds, and code of
/// <see cref="Vector{T}"/> that waits for its promotion is a hundred times slower until then.
/// </summary>
internal static class LogitMath
{
    // ln 2 = High + Low; High has 9 significant bits, so that n·High is exact for the |n| < 2⁷ that occur.
    private const float Ln2High = 0.693359375f;
    private const float Ln2Low = -2.12194440054690583e-4f;
    private const float Log2E = 1.44269504088896341f;

    // exp(−86) = 4e-38 is still a normal float after scaling; whatever is smaller adds nothing to a sum that is at least 1.
    private const float SmallestExponent = -86f;

    /// <summary>
    /// Largest relative error of the vector exponential for −86 ≤ x ≤ 0: Taylor remainder r⁸/8! at r = ln2/2 (6e-9), plus at most four
    /// roundings of 2⁻²⁴ in reduction, Horner's last two steps and scaling, plus slack for hardware without fused multiply-add.
    /// </summary>
    internal const double ExpRelativeError = 4e-7;

    /// <summary>Normaliser of a row; <see cref="LogPartition.Max"/> is NaN when a logit isn't finite.</summary>
    /// <param name="logits">[vocabulary], at least one.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // see the class comment
    public static LogPartition Partition(ReadOnlySpan<float> logits)
    {
        float max = FiniteMax(logits);
        if (float.IsNaN(max)) return new LogPartition(float.NaN, double.NaN);

        // Σ exp(xᵢ − max). Lanes: one float vector of exponentials widens to two double vectors, each with its own accumulator; tail is
        // scalar.
        ReadOnlySpan<Vector<float>> vectors = MemoryMarshal.Cast<float, Vector<float>>(logits);
        var maxVector = new Vector<float>(max);
        Vector<double> sumLow = Vector<double>.Zero;
        Vector<double> sumHigh = Vector<double>.Zero;
        foreach (Vector<float> x in vectors)
        {
            Vector.Widen(Exp(x - maxVector), out Vector<double> low, out Vector<double> high);
            sumLow += low;
            sumHigh += high;
        }

        double sum = Vector.Sum(sumLow + sumHigh);
        for (int i = vectors.Length * Vector<float>.Count; i < logits.Length; i++) sum += MathF.Exp(logits[i] - max);
        return new LogPartition(max, sum);
    }

    /// <summary>The definition of <see cref="Partition"/>, in double.</summary>
    public static LogPartition PartitionScalar(ReadOnlySpan<float> logits)
    {
        float max = logits[0];
        foreach (float x in logits)
        {
            if (!float.IsFinite(x)) return new LogPartition(float.NaN, double.NaN);
            max = Math.Max(max, x);
        }

        double sum = 0;
        foreach (float x in logits) sum += Math.Exp((double)x - max);
        return new LogPartition(max, sum);
    }

    /// <summary>Compares a variant's row with the reference's: KL = Σ pᵢ(xᵢ − yᵢ) − ln Σexp(x) + ln Σexp(y), p = softmax(x).</summary>
    /// <param name="reference">[vocabulary] x: logits or log-probabilities; a constant added to the row changes nothing.</param>
    /// <param name="variant">[vocabulary] y: the same of the variant.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // see the class comment
    public static RowDivergence Diverge(ReadOnlySpan<float> reference, ReadOnlySpan<float> variant)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(variant.Length, reference.Length, nameof(variant));
        float maxReference = FiniteMax(reference);
        float maxVariant = FiniteMax(variant);
        if (float.IsNaN(maxReference) || float.IsNaN(maxVariant))
        {
            return new RowDivergence(new LogPartition(maxReference, double.NaN), new LogPartition(maxVariant, double.NaN), double.NaN);
        }

        RowSums sums = Sums(reference, variant, maxReference, maxVariant);
        var partitionX = new LogPartition(maxReference, sums.Reference);
        var partitionY = new LogPartition(maxVariant, sums.Variant);
        return new RowDivergence(partitionX, partitionY, sums.Product / sums.Reference - partitionX.Value + partitionY.Value);
    }

    /// <summary>Σ exp(xᵢ − max x), Σ exp(yᵢ − max y) and Σ exp(xᵢ − max x)(xᵢ − yᵢ).</summary>
    /// <param name="reference">x, finite.</param>
    /// <param name="variant">y, finite; as many.</param>
    /// <param name="maxReference">No x is above.</param>
    /// <param name="maxVariant">No y is above.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // see the class comment
    public static RowSums Sums(ReadOnlySpan<float> reference, ReadOnlySpan<float> variant, float maxReference, float maxVariant)
    {
        // Weights exp(x − max) are floats; differences and products are taken in double, because xᵢ − yᵢ may be a large common offset. The
        // same weights stand in numerator and denominator of the mean, so their rounding only acts on the spread of xᵢ − yᵢ.
        ReadOnlySpan<Vector<float>> xs = MemoryMarshal.Cast<float, Vector<float>>(reference);
        ReadOnlySpan<Vector<float>> ys = MemoryMarshal.Cast<float, Vector<float>>(variant);
        var maxX = new Vector<float>(maxReference);
        var maxY = new Vector<float>(maxVariant);
        // Summed in Partition's order: one row has one normaliser.
        Vector<double> sumXLow = Vector<double>.Zero;
        Vector<double> sumXHigh = Vector<double>.Zero;
        Vector<double> sumYLow = Vector<double>.Zero;
        Vector<double> sumYHigh = Vector<double>.Zero;
        Vector<double> sumProduct = Vector<double>.Zero;
        for (int i = 0; i < xs.Length; i++)
        {
            Vector<float> x = xs[i];
            Vector<float> y = ys[i];
            Vector.Widen(x, out Vector<double> xLow, out Vector<double> xHigh);
            Vector.Widen(y, out Vector<double> yLow, out Vector<double> yHigh);
            Vector.Widen(Exp(x - maxX), out Vector<double> wLow, out Vector<double> wHigh);
            Vector.Widen(Exp(y - maxY), out Vector<double> vLow, out Vector<double> vHigh);
            sumXLow += wLow;
            sumXHigh += wHigh;
            sumYLow += vLow;
            sumYHigh += vHigh;
            sumProduct += wLow * (xLow - yLow) + wHigh * (xHigh - yHigh);
        }

        double totalX = Vector.Sum(sumXLow + sumXHigh);
        double totalY = Vector.Sum(sumYLow + sumYHigh);
        double product = Vector.Sum(sumProduct);
        for (int i = xs.Length * Vector<float>.Count; i < reference.Length; i++)
        {
            double weight = MathF.Exp(reference[i] - maxReference);
            totalX += weight;
            totalY += MathF.Exp(variant[i] - maxVariant);
            product += weight * ((double)reference[i] - variant[i]);
        }

        return new RowSums(totalX, totalY, product);
    }

    /// <summary>Σ exp(xᵢ − max).</summary>
    /// <param name="values">Finite values.</param>
    /// <param name="max">None is above.</param>
    public static double SumExp(ReadOnlySpan<float> values, float max) => Sums(values, values, max, max).Reference;

    /// <summary>exp(xᵢ − max) of each value, as in sums.</summary>
    /// <param name="values">Finite values.</param>
    /// <param name="max">None is above.</param>
    /// <param name="output">Receives them; at least as long.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // see the class comment
    public static void Exps(ReadOnlySpan<float> values, float max, Span<float> output)
    {
        ReadOnlySpan<Vector<float>> vectors = MemoryMarshal.Cast<float, Vector<float>>(values);
        Span<Vector<float>> outputs = MemoryMarshal.Cast<float, Vector<float>>(output);
        var maxVector = new Vector<float>(max);
        for (int i = 0; i < vectors.Length; i++) outputs[i] = Exp(vectors[i] - maxVector);
        for (int i = vectors.Length * Vector<float>.Count; i < values.Length; i++) output[i] = MathF.Exp(values[i] - max);
    }

    /// <summary>Indices of the largest values, largest first; of equal ones the first index first.</summary>
    /// <param name="values">Finite values.</param>
    /// <param name="top">Receives them; −1 where there are fewer values.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // see the class comment
    public static void TopOf(ReadOnlySpan<float> values, Span<int> top)
    {
        top.Fill(-1);
        float least = float.NegativeInfinity;
        int width = Vector<float>.Count;
        for (int i = 0; i < values.Length;)
        {
            // Hardly any vector holds a value for the list once it has filled.
            if (i + width <= values.Length
                && !Vector.GreaterThanAny(new Vector<float>(values[i..]), new Vector<float>(least)))
            {
                i += width;
                continue;
            }

            for (int end = Math.Min(values.Length, i + width); i < end; i++)
            {
                if (!(values[i] > least)) continue;
                int at = top.Length - 1;
                for (; at > 0 && (top[at - 1] < 0 || values[i] > values[top[at - 1]]); at--) top[at] = top[at - 1];
                top[at] = i;
                if (top[^1] >= 0) least = values[top[^1]];
            }
        }
    }

    /// <summary>The definition of <see cref="Diverge"/>: Σ pᵢ (ln pᵢ − ln qᵢ), in double.</summary>
    public static RowDivergence DivergeScalar(ReadOnlySpan<float> reference, ReadOnlySpan<float> variant)
    {
        LogPartition x = PartitionScalar(reference);
        LogPartition y = PartitionScalar(variant);
        double lnX = x.Value;
        double lnY = y.Value;
        double kl = 0;
        for (int i = 0; i < reference.Length; i++)
        {
            double lnP = reference[i] - lnX;
            kl += Math.Exp(lnP) * (lnP - (variant[i] - lnY));
        }

        return new RowDivergence(x, y, kl);
    }

    /// <summary>First index of the largest value, llama-perplexity's tie rule.</summary>
    /// <param name="logits">At least one finite value.</param>
    /// <param name="max">The largest value.</param>
    public static int ArgMax(ReadOnlySpan<float> logits, float max) => logits.IndexOf(max);

    /// <summary>Largest value; NaN when any value is NaN or infinite.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // see the class comment
    public static float FiniteMax(ReadOnlySpan<float> values)
    {
        // x − x is 0 for finite x and NaN otherwise; the sum of these stays 0 exactly as long as all are finite.
        ReadOnlySpan<Vector<float>> vectors = MemoryMarshal.Cast<float, Vector<float>>(values);
        var maxVector = new Vector<float>(float.NegativeInfinity);
        Vector<float> fault = Vector<float>.Zero;
        foreach (Vector<float> x in vectors)
        {
            maxVector = Vector.ConditionalSelect(Vector.GreaterThan(x, maxVector), x, maxVector);
            fault += x - x;
        }

        float max = float.NegativeInfinity;
        for (int lane = 0; lane < Vector<float>.Count; lane++) max = Math.Max(max, maxVector[lane]);
        bool finite = Vector.EqualsAll(fault, Vector<float>.Zero);
        for (int i = vectors.Length * Vector<float>.Count; i < values.Length; i++)
        {
            finite &= float.IsFinite(values[i]);
            max = Math.Max(max, values[i]);
        }

        return finite ? max : float.NaN;
    }

    // exp(x) for x ≤ 0: x = n·ln2 + r with |r| ≤ ln2/2, exp(r) by its Taylor series to r⁷, 2ⁿ by adding n to the exponent bits.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Exp(Vector<float> x)
    {
        x = Vector.ConditionalSelect(Vector.GreaterThan(x, new Vector<float>(SmallestExponent)), x, new Vector<float>(SmallestExponent));
        Vector<float> n = Vector.Round(x * Log2E);
        Vector<float> r = Vector.MultiplyAddEstimate(n, new Vector<float>(-Ln2High), x);
        r = Vector.MultiplyAddEstimate(n, new Vector<float>(-Ln2Low), r);
        var p = new Vector<float>(1f / 5040f);
        p = Vector.MultiplyAddEstimate(p, r, new Vector<float>(1f / 720f));
        p = Vector.MultiplyAddEstimate(p, r, new Vector<float>(1f / 120f));
        p = Vector.MultiplyAddEstimate(p, r, new Vector<float>(1f / 24f));
        p = Vector.MultiplyAddEstimate(p, r, new Vector<float>(1f / 6f));
        p = Vector.MultiplyAddEstimate(p, r, new Vector<float>(0.5f));
        p = Vector.MultiplyAddEstimate(p, r, Vector<float>.One);
        p = Vector.MultiplyAddEstimate(p, r, Vector<float>.One);
        return Vector.AsVectorSingle(Vector.AsVectorInt32(p) + Vector.ShiftLeft(Vector.ConvertToInt32(n), 23));
    }
}
