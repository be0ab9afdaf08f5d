using System.Buffers.Binary;

namespace QuantBench.Engines.Ilgpu.Graph;

/// <summary>
/// The 16 bytes in front of a superblock of Q4_K or Q5_K: d and dmin, then eight scales and eight minima of 6 bits. The file spreads them
/// so that the last four are found otherwise than the first four. On the device the three words behind d and dmin hold the scales' lower
/// four bits, the minima's, and the upper two bits of scale and minimum of each chunk: a chunk's are found by one shift of each.
/// </summary>
internal static class KHeader
{
    /// <summary>Recodes one header.</summary>
    /// <param name="from">As in the file.</param>
    /// <param name="to">As on the device.</param>
    public static void Recode(ReadOnlySpan<byte> from, Span<byte> to)
    {
        ReadOnlySpan<byte> s = from[4..];
        uint scales = 0, minima = 0, upper = 0;
        for (int j = 0; j < 8; j++)
        {
            int scale = j < 4 ? s[j] & 63 : (s[j + 4] & 15) | ((s[j - 4] >> 6) << 4);
            int minimum = j < 4 ? s[j + 4] & 63 : (s[j + 4] >> 4) | ((s[j] >> 6) << 4);
            scales |= (uint)(scale & 15) << (4 * j);
            minima |= (uint)(minimum & 15) << (4 * j);
            upper |= (uint)((scale >> 4) | ((minimum >> 4) << 2)) << (4 * j);
        }

        from[..4].CopyTo(to);
        BinaryPrimitives.WriteUInt32LittleEndian(to[4..], scales);
        BinaryPrimitives.WriteUInt32LittleEndian(to[8..], minima);
        BinaryPrimitives.WriteUInt32LittleEndian(to[12..], upper);
    }
}
