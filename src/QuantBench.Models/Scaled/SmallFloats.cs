using System.Collections.Immutable;

namespace QuantBench.Models.Scaled;

/// <summary>Values of floats of 8 bits and fewer, by their codes.</summary>
internal static class SmallFloats
{
    /// <summary>E2M1: 4 bits, no infinities, no NaN.</summary>
    public static ImmutableArray<float> E2M1 { get; } = [0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0f, -0.5f, -1, -1.5f, -2, -3, -4, -6];

    /// <summary>E4M3 without infinities: all ones but the sign is NaN, the largest is 448.</summary>
    public static ImmutableArray<float> E4M3 { get; } = [.. Enumerable.Range(0, 256).Select(code => OfE4M3((byte)code))];

    /// <summary>E5M2: the upper half of a half.</summary>
    public static ImmutableArray<float> E5M2 { get; } =
        [.. Enumerable.Range(0, 256).Select(code => (float)BitConverter.UInt16BitsToHalf((ushort)(code << 8)))];

    /// <summary>E8M0: powers of two, 2^(code − 127); all ones is NaN.</summary>
    public static ImmutableArray<float> E8M0 { get; } =
        [.. Enumerable.Range(0, 256).Select(code => code == 255 ? float.NaN : MathF.ScaleB(1, code - 127))];

    /// <summary>Code of the E4M3 value nearest to a number, the even one of two equally near; numbers beyond 448 give 448.</summary>
    /// <param name="value">Finite.</param>
    public static byte ToE4M3(float value)
    {
        float magnitude = MathF.Abs(value);
        int sign = float.IsNegative(value) ? 0x80 : 0;
        if (magnitude >= 448) return (byte)(sign | 0x7E);

        // A step of the binade that the number is in; below 2^-6 all steps are 2^-9. Steps are counted from 0, so even codes have even
        // counts.
        int exponent = Math.Max(magnitude == 0 ? -6 : MathF.ILogB(magnitude), -6);
        int steps = (int)MathF.Round(MathF.ScaleB(magnitude, 3 - exponent), MidpointRounding.ToEven);
        return (byte)(sign | (((exponent + 6) << 3) + steps));
    }

    /// <summary>Code of the E2M1 value nearest to a number, the even one of two equally near; numbers beyond 6 give 6.</summary>
    /// <param name="value">Finite.</param>
    public static byte ToE2M1(float value)
    {
        float magnitude = MathF.Abs(value);
        byte code = magnitude switch
        {
            <= 0.25f => 0,
            < 0.75f => 1,
            <= 1.25f => 2,
            < 1.75f => 3,
            <= 2.5f => 4,
            < 3.5f => 5,
            <= 5 => 6,
            _ => 7,
        };
        return (byte)(code | (float.IsNegative(value) ? 8 : 0));
    }

    private static float OfE4M3(byte code)
    {
        if ((code & 0x7F) == 0x7F) return float.NaN;
        int exponent = code >> 3 & 15, mantissa = code & 7;
        float magnitude = exponent == 0 ? MathF.ScaleB(mantissa, -9) : MathF.ScaleB(8 + mantissa, exponent - 10);
        return (code & 0x80) == 0 ? magnitude : -magnitude;
    }
}
