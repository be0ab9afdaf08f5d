using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>The 4-bit float E2M1 and the 8-bit scales that go with it.</summary>
internal static class Fp4
{
    /// <summary>Twice the value of each code, so that levels are integers; scales are therefore halved.</summary>
    public static ReadOnlySpan<sbyte> Doubled => [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

    /// <summary>As one register, for table shuffles.</summary>
    public static Vector128<sbyte> Vector => Vector128.Create((sbyte)0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);

    /// <summary>2^(e − 128): half of the scale that an E8M0 byte stands for. Below e = 2 the result is subnormal.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float HalfOfE8M0(byte e) => BitConverter.UInt32BitsToSingle(e < 2 ? 0x0020_0000u << e : (uint)(e - 1) << 23);

    /// <summary>
    /// Half of the scale that an unsigned E4M3 byte stands for: 3 bits of mantissa, bias 7, no sign. 0x7F is NaN in the standard and 0
    /// here; the top bit is not looked at otherwise.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float HalfOfUE4M3(byte bits)
    {
        if (bits is 0 or 0x7F) return 0;
        int exponent = (bits >> 3) & 15;
        int mantissa = bits & 7;
        return exponent == 0
            ? mantissa * (1f / 1024)
            : BitConverter.UInt32BitsToSingle((uint)(exponent - 8 + 127) << 23 | (uint)mantissa << 20);
    }

    /// <summary>The unsigned E4M3 byte next to a scale, as ggml rounds it: halves go up, and what is above 448 becomes 448.</summary>
    public static byte ToUE4M3(float scale)
    {
        if (!(scale > 0)) return 0;
        uint bits = BitConverter.SingleToUInt32Bits(MathF.Min(scale, 448));
        int exponent = (int)(bits >> 23) - 127 + 7;
        if (exponent <= 0) return (byte)Math.Min((int)((scale * 512) + 0.5f), 7);
        return (byte)Math.Min((exponent << 3) + (int)(bits >> 20 & 7) + (int)(bits >> 19 & 1), 0x7E);
    }

    /// <summary>Code of the level nearest to a value at a scale; the first of equally near ones.</summary>
    public static int Nearest(float value, float scale)
    {
        ReadOnlySpan<sbyte> levels = Doubled;
        int best = 0;
        float bestError = MathF.Abs(levels[0] * scale - value);
        for (int code = 1; code < levels.Length; code++)
        {
            float error = MathF.Abs(levels[code] * scale - value);
            if (error >= bestError) continue;
            bestError = error;
            best = code;
        }

        return best;
    }
}
