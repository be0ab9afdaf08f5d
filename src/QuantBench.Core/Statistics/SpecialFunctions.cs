namespace QuantBench.Core.Statistics;

/// <summary>Distribution functions that .NET lacks.</summary>
public static class SpecialFunctions
{
    private const int MostTerms = 10_000;
    private const double Asymptotic = 12; // from here on five terms of the asymptotic series suffice
    private static readonly double[] s_lanczos =
    [
        0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
        -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
    ];

    /// <summary>Probability that a standard normal variable exceeds <paramref name="z"/>; relative error about 1e-13, far tails
    /// included.</summary>
    /// <param name="z">Any finite value.</param>
    public static double NormalUpperTail(double z)
    {
        if (z < 0) return 1 - NormalUpperTail(-z);
        double density = Math.Exp(-z * z / 2) / Math.Sqrt(2 * Math.PI);
        return z < 3 ? 0.5 - (density * Series(z)) : density * ContinuedFraction(z);

        // Φ(z) − 1/2 = φ(z)·(z + z³/3 + z⁵/15 + …): Abramowitz & Stegun 26.2.11. All terms positive, so nothing cancels below 3.
        static double Series(double z)
        {
            double term = z;
            double sum = z;
            for (int k = 1; k < MostTerms && term > sum * 1e-17; k++)
            {
                term *= z * z / ((2 * k) + 1);
                sum += term;
            }

            return sum;
        }

        // Abramowitz & Stegun 26.2.14, from the innermost fraction outwards; 200 levels are exact to double precision from 3 on.
        static double ContinuedFraction(double z)
        {
            double value = z;
            for (int k = 200; k >= 1; k--) value = z + (k / value);
            return 1 / value;
        }
    }

    /// <summary>The t for which a Student variable lies within ±t with the given confidence.</summary>
    /// <param name="confidence">Between 0 and 1 exclusively, e.g. 0.95.</param>
    /// <param name="degrees">Degrees of freedom, at least 1.</param>
    public static double StudentQuantile(double confidence, double degrees)
    {
        if (!(confidence > 0 && confidence < 1)) throw new ArgumentOutOfRangeException(nameof(confidence), confidence, "between 0 and 1");
        ArgumentOutOfRangeException.ThrowIfLessThan(degrees, 1);
        double outside = 1 - confidence;
        double low = 0;
        double high = double.PositiveInfinity;

        // Newton's steps on the tail, whose slope is twice the density; a step out of the bracket is replaced by its middle. The error of a
        // step is about the square of the one before, so that a step this short leaves less than rounding does.
        const double shortStep = 1e-8;
        double scale = Math.Exp(LogGamma((degrees + 1) / 2) - LogGamma(degrees / 2)) / Math.Sqrt(degrees * Math.PI);
        double t = StudentGuess(confidence, degrees);
        for (int i = 0; i < 200; i++)
        {
            double excess = StudentTwoSided(t, degrees) - outside;
            if (excess > 0) low = t;
            else high = t;
            double density = scale * Math.Pow(1 + (t * t / degrees), -(degrees + 1) / 2);
            double next = t + (excess / (2 * density));
            if (Math.Abs(next - t) <= shortStep * t) return next;
            if (!(next > low && next < high)) next = double.IsPositiveInfinity(high) ? 2 * t : (low + high) / 2;
            if (next == low || next == high) return next;
            t = next;
        }

        return t;
    }

    // Normal quantile (Abramowitz & Stegun 26.2.23, within 4.5e-4; 95 % exactly), then the expansion for many degrees of freedom (26.7.5).
    private static double StudentGuess(double confidence, double degrees)
    {
        const double normal975 = 1.959963984540054;
        double root = Math.Sqrt(-2 * Math.Log((1 - confidence) / 2));
        double z = confidence == 0.95
            ? normal975
            : root - ((2.515517 + (root * (0.802853 + (root * 0.010328))))
                / (1 + (root * (1.432788 + (root * (0.189269 + (root * 0.001308)))))));
        double q = z * z;
        double v = 1 / degrees;
        double t = z
            * (1 + (v * ((q + 1) / 4)) + (v * v * (((((5 * q) + 16) * q) + 3) / 96))
                + (v * v * v * (((((((3 * q) + 19) * q) + 17) * q) - 15) / 384))
            + (v * v * v * v * (((((((((79 * q) + 776) * q) + 1482) * q) - 1920) * q) - 945) / 92160)));
        return t > 0 && double.IsFinite(t) ? t : 1;
    }

    /// <summary>Probability that a Student variable lies outside ±t.</summary>
    /// <param name="t">Any value at least 0.</param>
    /// <param name="degrees">Degrees of freedom, at least 1.</param>
    public static double StudentTwoSided(double t, double degrees) => RegularizedBeta(degrees / (degrees + (t * t)), degrees / 2, 0.5);

    /// <summary>The regularized incomplete beta function I_x(a, b), by Lentz's continued fraction (DLMF 8.17.22).</summary>
    /// <param name="x">0 to 1.</param>
    /// <param name="a">Above 0.</param>
    /// <param name="b">Above 0.</param>
    public static double RegularizedBeta(double x, double a, double b)
    {
        if (x <= 0) return 0;
        if (x >= 1) return 1;
        if (x > (a + 1) / (a + b + 2)) return 1 - RegularizedBeta(1 - x, b, a);
        double front = Math.Exp((a * Math.Log(x)) + (b * Math.Log(1 - x)) + LogGamma(a + b) - LogGamma(a) - LogGamma(b)) / a;
        const double Tiny = 1e-300;
        double c = 1;
        double d = 1 / NonZero(1 - ((a + b) * x / (a + 1)));
        double fraction = d;
        for (int m = 1; m < MostTerms; m++)
        {
            double even = m * (b - m) * x / ((a + (2 * m) - 1) * (a + (2 * m)));
            d = 1 / NonZero(1 + (even * d));
            c = NonZero(1 + (even / c));
            fraction *= c * d;
            double odd = -(a + m) * (a + b + m) * x / ((a + (2 * m)) * (a + (2 * m) + 1));
            d = 1 / NonZero(1 + (odd * d));
            c = NonZero(1 + (odd / c));
            double change = c * d;
            fraction *= change;
            if (Math.Abs(change - 1) < 1e-16) break;
        }

        return front * fraction;

        static double NonZero(double value) => Math.Abs(value) < Tiny ? Tiny : value;
    }

    /// <summary>Natural logarithm of the gamma function (Lanczos, g = 7, nine terms).</summary>
    /// <param name="x">Above 0.</param>
    public static double LogGamma(double x)
    {
        if (x < 0.5) return Math.Log(Math.PI / Math.Sin(Math.PI * x)) - LogGamma(1 - x);
        double y = x - 1;
        double sum = s_lanczos[0];
        for (int i = 1; i < s_lanczos.Length; i++) sum += s_lanczos[i] / (y + i);
        double t = y + 7.5;
        return (0.5 * Math.Log(2 * Math.PI)) + ((y + 0.5) * Math.Log(t)) - t + Math.Log(sum);
    }

    /// <summary>Derivative of <see cref="LogGamma"/>; relative error about 1e-12.</summary>
    /// <param name="x">Positive.</param>
    public static double Digamma(double x)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(x);
        double sum = 0;
        for (; x < Asymptotic; x++) sum -= 1 / x;
        double r = 1 / (x * x);
        // Abramowitz & Stegun 6.3.18.
        return sum + Math.Log(x) - (0.5 / x)
            - (r * ((1.0 / 12) - (r * ((1.0 / 120) - (r * ((1.0 / 252) - (r * ((1.0 / 240) - (r / 132)))))))));
    }

    /// <summary>Derivative of <see cref="Digamma"/>; relative error about 1e-12.</summary>
    /// <param name="x">Positive.</param>
    public static double Trigamma(double x)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(x);
        double sum = 0;
        for (; x < Asymptotic; x++) sum += 1 / (x * x);
        double r = 1 / (x * x);
        // Abramowitz & Stegun 6.4.12.
        return sum + (1 / x) + (r / 2)
            + (r / x * ((1.0 / 6) - (r * ((1.0 / 30) - (r * ((1.0 / 42) - (r * ((1.0 / 30) - (r * 5 / 66)))))))));
    }
}
