using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>
/// Least-squares scales of small groups. A scale decides the levels, and given the levels the best scale is a linear problem; so a row of
/// first scales is tried, each followed by its linear solution, and the best one is polished by a few more rounds of both. Groups are a
/// multiple of 8 long.
/// </summary>
internal static class ScaleFit
{
    /// <summary>Groups whose values are all smaller than this are zero.</summary>
    private const float Nothing = 1e-15f;

    private const int Tries = 9;
    private const int Polishes = 2;

    /// <summary>The scale s with the least Σ(x − s·level)².</summary>
    /// <typeparam name="TLevels">Levels of the type.</typeparam>
    /// <param name="x">The group.</param>
    /// <returns>The scale; negative when the value of largest magnitude is positive, 0 for a group of zeros.</returns>
    public static float Symmetric<TLevels>(ReadOnlySpan<float> x)
        where TLevels : ILevels
    {
        float extreme = 0;
        foreach (float value in x)
        {
            if (MathF.Abs(value) > MathF.Abs(extreme)) extreme = value;
        }

        if (MathF.Abs(extreme) < Nothing) return 0;
        float scale = 0;
        float gain = 0; // Σx² less the squared error
        for (int i = -Tries; i <= Tries + Polishes; i++)
        {
            float inverse = i <= Tries ? (TLevels.Lowest + i * TLevels.SearchStep) / extreme : 1 / scale;
            (float dot, float square) = Moments<TLevels>(x, inverse);
            if (square > 0 && dot * dot > gain * square)
            {
                scale = dot / square;
                gain = dot * scale;
            }
        }

        return scale;
    }

    /// <summary>The s ≥ 0 and m ≥ 0 with the least Σ(x − (s·q − m))², q = 0 … <paramref name="levels"/>.</summary>
    /// <param name="x">The group.</param>
    /// <param name="levels">Largest q.</param>
    public static (float Scale, float Minimum) Affine(ReadOnlySpan<float> x, int levels)
    {
        float min = 0;
        float max = float.NegativeInfinity;
        Vector256<float> sums = Vector256<float>.Zero;
        foreach (Vector256<float> lanes in Lanes256(x)) sums += lanes;
        foreach (float value in x)
        {
            min = MathF.Min(min, value);
            max = MathF.Max(max, value);
        }

        if (max - min < Nothing) return (0, -min);
        float sum = Vector256.Sum(sums);
        float scale = 0;
        float offset = 0;
        float gain = float.NegativeInfinity;
        for (int i = -Tries; i <= Tries + Polishes; i++)
        {
            bool polish = i > Tries;
            float inverse = polish ? 1 / scale : (levels + 0.1f * i) / (max - min);
            (float s, float m, float g) = AffineStep(x, inverse, polish ? offset : min, levels, sum);
            if (g <= gain) continue;
            (scale, offset, gain) = (s, m, g);
        }

        return (scale, -offset);
    }

    /// <summary>Σ(x − s·level)² with the nearest levels.</summary>
    public static float SymmetricError<TLevels>(ReadOnlySpan<float> x, float scale)
        where TLevels : ILevels
    {
        float inverse = scale == 0 ? 0 : 1 / scale;
        Vector256<float> error = Vector256<float>.Zero;
        foreach (Vector256<float> lanes in Lanes256(x))
        {
            Vector256<float> difference = lanes - scale * TLevels.Snap(lanes * inverse);
            error += difference * difference;
        }

        return Vector256.Sum(error);
    }

    /// <summary>Σ(x − (s·q − m))² with the nearest q.</summary>
    public static float AffineError(ReadOnlySpan<float> x, float scale, float minimum, int levels)
    {
        float inverse = scale == 0 ? 0 : 1 / scale;
        Vector256<float> error = Vector256<float>.Zero;
        Vector256<float> lift = Vector256.Create(minimum);
        foreach (Vector256<float> lanes in Lanes256(x))
        {
            Vector256<float> difference = lanes + lift - scale * Snap((lanes + lift) * inverse, levels);
            error += difference * difference;
        }

        return Vector256.Sum(error);
    }

    private static (float Scale, float Offset, float Gain) AffineStep(ReadOnlySpan<float> x, float inverse, float offset, int levels,
        float sum)
    {
        Vector256<float> q1 = Vector256<float>.Zero;
        Vector256<float> q2 = Vector256<float>.Zero;
        Vector256<float> qx = Vector256<float>.Zero;
        Vector256<float> lift = Vector256.Create(-offset);
        foreach (Vector256<float> lanes in Lanes256(x))
        {
            Vector256<float> q = Snap((lanes + lift) * inverse, levels);
            q1 += q;
            q2 += q * q;
            qx += q * lanes;
        }

        // Normal equations of x ≈ s·q + o; an offset above zero can't be stored, so there it is held at zero.
        float n = x.Length;
        float sumQ = Vector256.Sum(q1);
        float sumQQ = Vector256.Sum(q2);
        float sumQX = Vector256.Sum(qx);
        float determinant = n * sumQQ - sumQ * sumQ;
        if (determinant <= 0) return (0, 0, float.NegativeInfinity);
        float s = (n * sumQX - sum * sumQ) / determinant;
        float o = (sumQQ * sum - sumQ * sumQX) / determinant;
        if (o > 0)
        {
            o = 0;
            s = sumQX / sumQQ;
        }

        return s > 0 ? (s, o, s * sumQX + o * sum) : (0, 0, float.NegativeInfinity);
    }

    private static (float Dot, float Square) Moments<TLevels>(ReadOnlySpan<float> x, float inverse)
        where TLevels : ILevels
    {
        Vector256<float> dot = Vector256<float>.Zero;
        Vector256<float> square = Vector256<float>.Zero;
        foreach (Vector256<float> lanes in Lanes256(x))
        {
            Vector256<float> level = TLevels.Snap(lanes * inverse);
            dot += level * lanes;
            square += level * level;
        }

        return (Vector256.Sum(dot), Vector256.Sum(square));
    }

    private static Vector256<float> Snap(Vector256<float> value, int levels) =>
        Vector256.Min(Vector256.Max(Vector256.Round(value), Vector256<float>.Zero), Vector256.Create((float)levels));

    private static ReadOnlySpan<Vector256<float>> Lanes256(ReadOnlySpan<float> x) => MemoryMarshal.Cast<float, Vector256<float>>(x);
}
