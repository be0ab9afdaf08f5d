using System.Runtime.Intrinsics;

namespace QuantBench.Models.Traces;

/// <summary>
/// Functions made of additions, products, roots and roundings alone, which IEEE 754 fixes to the last bit: unlike a C library's they give
/// the same everywhere. Good to a few units in the last place.
/// </summary>
internal static class ExactMath
{
    // ln 2 in two parts; the first has so few bits that n times it is exact.
    private const float Ln2High = 0.693359375f;
    private const float Ln2Low = -2.12194440e-4f;
    private const double HalfPi = 1.5707963267948966;
    private const double HalfPiRest = 6.123233995736766e-17;

    /// <summary>e to the power of x, clamped to ±87.</summary>
    public static Vector256<float> Exp(Vector256<float> x)
    {
        x = Vector256.Min(Vector256.Max(x, Vector256.Create(-87f)), Vector256.Create(87f));
        Vector256<float> n = Vector256.Floor((x * Vector256.Create(1.44269504f)) + Vector256.Create(0.5f));
        Vector256<float> r = x - (n * Vector256.Create(Ln2High)) - (n * Vector256.Create(Ln2Low));
        var p = Vector256.Create(1f / 720);
        p = (p * r) + Vector256.Create(1f / 120);
        p = (p * r) + Vector256.Create(1f / 24);
        p = (p * r) + Vector256.Create(1f / 6);
        p = (p * r) + Vector256.Create(0.5f);
        p = (p * r) + Vector256<float>.One;
        p = (p * r) + Vector256<float>.One;
        Vector256<int> power = Vector256.ShiftLeft(Vector256.ConvertToInt32(n) + Vector256.Create(127), 23);
        return p * power.AsSingle();
    }

    /// <summary>Cosine and sine of an angle from 0 to 10⁵.</summary>
    public static (float Cos, float Sin) CosSin(double angle)
    {
        double quarters = Math.Floor((angle / HalfPi) + 0.5);
        double r = angle - (quarters * HalfPi) - (quarters * HalfPiRest), s = r * r, cos = 0, sin = 0;
        for (int k = 16; k > 0; k -= 2) // Taylor's series from its end; the term behind the last is below 10⁻¹⁶
        {
            cos = 1 - (s / (k * (k - 1)) * (k == 16 ? 1 : cos));
            sin = 1 - (s / (k * (k + 1)) * (k == 16 ? 1 : sin));
        }

        sin *= r;
        return ((long)quarters % 4) switch
        {
            0 => ((float)cos, (float)sin),
            1 => ((float)-sin, (float)cos),
            2 => ((float)-cos, (float)-sin),
            _ => ((float)sin, (float)-cos),
        };
    }

    /// <summary>The factors that positions are multiplied with to give the angles of a head's pairs: base^(−2i/width).</summary>
    /// <param name="ropeBase">The base.</param>
    /// <param name="width">Width of a head, a power of two: roots are exact where powers aren't.</param>
    public static double[] Frequencies(float ropeBase, int width)
    {
        double step = ropeBase;
        for (int w = width / 2; w > 1; w /= 2) step = Math.Sqrt(step);
        double[] all = new double[width / 2];
        all[0] = 1;
        for (int i = 1; i < all.Length; i++) all[i] = all[i - 1] / step;
        return all;
    }
}
