using System.Runtime.CompilerServices;

namespace QuantBench.Formats.Blocks;

/// <summary>
/// The 8 scales and 8 minimums of six bits that <see cref="Q4_K"/> and <see cref="Q5_K"/> keep in 12 bytes: those of groups 0–3 whole in
/// the low six bits of bytes 0–3 and 4–7; of groups 4–7 four bits in the nibbles of bytes 8–11 (low: scale, high: minimum) and two in the
/// tops of bytes 0–3 and 4–7.
/// </summary>
internal static class SixBitScales
{
    /// <summary>Scale and minimum of group j.</summary>
    public static (int Scale, int Minimum) Get(ReadOnlySpan<byte> packed, int j) => j < 4
        ? (packed[j] & 63, packed[j + 4] & 63)
        : ((packed[j + 4] & 15) | packed[j - 4] >> 6 << 4, packed[j + 4] >> 4 | packed[j] >> 6 << 4);

    /// <summary>Writes scale and minimum of group j; groups are written in ascending order.</summary>
    public static void Set(Span<byte> packed, int j, int scale, int minimum)
    {
        if (j < 4)
        {
            packed[j] = (byte)scale;
            packed[j + 4] = (byte)minimum;
            return;
        }

        packed[j + 4] = (byte)((scale & 15) | (minimum & 15) << 4);
        packed[j - 4] |= (byte)(scale >> 4 << 6);
        packed[j] |= (byte)(minimum >> 4 << 6);
    }

    /// <summary>All of them, byte j for group j.</summary>
    /// <param name="packed">First of 12 readable bytes.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (ulong Scales, ulong Minimums) All(ref byte packed)
    {
        uint a = BlockBytes.Read<uint>(ref packed, 0);
        uint b = BlockBytes.Read<uint>(ref packed, 4);
        uint c = BlockBytes.Read<uint>(ref packed, 8);
        uint highScales = (c & 0x0F0F_0F0F) | ((a >> 2) & 0x3030_3030);
        uint highMinimums = ((c >> 4) & 0x0F0F_0F0F) | ((b >> 2) & 0x3030_3030);
        return ((a & 0x3F3F_3F3F) | (ulong)highScales << 32, (b & 0x3F3F_3F3F) | (ulong)highMinimums << 32);
    }
}
