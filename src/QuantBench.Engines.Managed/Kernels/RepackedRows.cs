using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using QuantBench.Formats.Gguf;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>
/// Sixteen rows interleaved for decoding with 512-bit vectors: a vector holds 4 columns of each row, so lanes sum rows and no sum across
/// lanes is needed. The bits are the file's, in another order. With panel vector g of 32 columns = columns 4g … 4g + 3 of all rows:
/// <list type="bullet">
/// <item>quants of 32 columns: 4 vectors of nibbles, vector v holding panel vectors v (low) and v + 4 (high);</item>
/// <item>Q4_0: d as 16 halves, then the quants; every 32 columns;</item>
/// <item>Q4_K: d and dmin as 16 halves each, 8 × 16 scales, 8 × 16 minima as bytes, 8 × quants; every 256 columns;</item>
/// <item>Q6_K: d as 16 halves, 16 × 16 scales as bytes, 8 × (quants, 2 vectors of bit pairs: pair f of vector u belongs to panel vector 4u
/// + f).</item>
/// </list>
/// </summary>
internal static unsafe class RepackedRows
{
    /// <summary>Bytes of 32 columns of nibbles.</summary>
    public const int NibbleBytes = 256;

    /// <summary>Bytes of 32 columns of Q4_0.</summary>
    public const int Q4_0Bytes = 32 + NibbleBytes;

    /// <summary>Bytes in front of the quants of 256 columns of Q4_K.</summary>
    public const int Q4_KHeader = 64 + 256;

    /// <summary>Bytes of 256 columns of Q4_K.</summary>
    public const int Q4_KBytes = Q4_KHeader + (8 * NibbleBytes);

    /// <summary>Bytes in front of the quants of 256 columns of Q6_K.</summary>
    public const int Q6_KHeader = 32 + 256;

    /// <summary>Bytes of 32 columns of Q6_K's quants.</summary>
    public const int Q6_KGroup = NibbleBytes + 128;

    /// <summary>Bytes of 256 columns of Q6_K.</summary>
    public const int Q6_KBytes = Q6_KHeader + (8 * Q6_KGroup);

    /// <summary>Bytes that a matrix needs; 0 when its type or its number of rows has no such layout.</summary>
    public static long Bytes(WeightMatrix weights) =>
        weights.Rows % IntegerPanels.Rows != 0 ? 0 : weights.Rows / IntegerPanels.Rows * PanelBytes(weights);

    /// <summary>Bytes of 16 rows; 0 for a type without such a layout.</summary>
    public static long PanelBytes(WeightMatrix weights) => weights.Type switch
    {
        GgmlType.Q4_0 => weights.Columns / 32 * (long)Q4_0Bytes,
        GgmlType.Q4_K => weights.Columns / 256 * (long)Q4_KBytes,
        GgmlType.Q6_K => weights.Columns / 256 * (long)Q6_KBytes,
        _ => 0,
    };

    /// <summary>Lays out 16 rows.</summary>
    public static void Fill(WeightMatrix weights, int panel, WorkerScratch scratch)
    {
        int first = panel * IntegerPanels.Rows;
        byte* target = weights.Repacked + (panel * PanelBytes(weights));
        byte* source = scratch.Panel;
        switch (weights.Type)
        {
            case GgmlType.Q4_0:
                IntegerPanels.Unpack<BlockQ4_0>(weights, first, IntegerPanels.Rows, scratch);
                for (int i = 0; i < weights.Columns / 32; i++, target += Q4_0Bytes, source += 512)
                {
                    for (int r = 0; r < 16; r++) ((ushort*)target)[r] = *(ushort*)(weights.Row(first + r) + (18 * i));
                    JoinNibbles(source, target + 32);
                }

                break;
            case GgmlType.Q4_K:
                IntegerPanels.Unpack<BlockQ4_K>(weights, first, IntegerPanels.Rows, scratch);
                for (int i = 0; i < weights.Columns / 256; i++, target += Q4_KBytes)
                {
                    for (int r = 0; r < 16; r++)
                    {
                        byte* block = weights.Row(first + r) + (144 * i);
                        ((ushort*)target)[r] = *(ushort*)block;
                        ((ushort*)target)[16 + r] = *(ushort*)(block + 2);
                        (ulong scales, ulong minima) = Superblocks.SixBit(block);
                        for (int j = 0; j < 8; j++)
                        {
                            target[64 + (16 * j) + r] = (byte)(scales >> (8 * j));
                            target[192 + (16 * j) + r] = (byte)(minima >> (8 * j));
                        }
                    }

                    for (int j = 0; j < 8; j++, source += 512) JoinNibbles(source, target + Q4_KHeader + (j * NibbleBytes));
                }

                break;
            default:
                IntegerPanels.Unpack<BlockQ6_K>(weights, first, IntegerPanels.Rows, scratch);
                for (int i = 0; i < weights.Columns / 256; i++, target += Q6_KBytes)
                {
                    for (int r = 0; r < 16; r++)
                    {
                        byte* block = weights.Row(first + r) + (210 * i);
                        ((ushort*)target)[r] = *(ushort*)(block + 208);
                        for (int j = 0; j < 16; j++) target[32 + (16 * j) + r] = block[192 + j];
                    }

                    for (int j = 0; j < 8; j++, source += 512)
                    {
                        byte* group = target + Q6_KHeader + (j * Q6_KGroup);
                        JoinNibbles(source, group);
                        JoinPairs(source, group + NibbleBytes);
                    }
                }

                break;
        }
    }

    /// <summary>Unpacks 16 rows into the worker's panel, as <see cref="IntegerPanels.Unpack"/> does from the file.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Unpack(WeightMatrix weights, int panel, WorkerScratch scratch)
    {
        byte* source = weights.Repacked + (panel * PanelBytes(weights));
        byte* target = scratch.Panel;
        float* scales = scratch.Scales;
        float* minima = scratch.Minima;
        switch (weights.Type)
        {
            case GgmlType.Q4_0:
                for (int i = 0; i < weights.Columns / 32; i++, source += Q4_0Bytes, target += 512, scales += 16, minima += 16)
                {
                    Vector512<float> d = Halves.Widen16((ushort*)source);
                    d.Store(scales);
                    (d * -8f).Store(minima);
                    SplitNibbles(source + 32, target);
                }

                break;
            case GgmlType.Q4_K:
                for (int i = 0; i < weights.Columns / 256; i++, source += Q4_KBytes)
                {
                    Vector512<float> d = Halves.Widen16((ushort*)source), least = -Halves.Widen16((ushort*)source + 16);
                    for (int j = 0; j < 8; j++, target += 512, scales += 16, minima += 16)
                    {
                        (d * RepackedDot.Unsigned16(source + 64 + (16 * j))).Store(scales);
                        (least * RepackedDot.Unsigned16(source + 192 + (16 * j))).Store(minima);
                        SplitNibbles(source + Q4_KHeader + (j * NibbleBytes), target);
                    }
                }

                break;
            default:
                for (int i = 0; i < weights.Columns / 256; i++, source += Q6_KBytes)
                {
                    Vector512<float> d = Halves.Widen16((ushort*)source);
                    for (int j = 0; j < 16; j++, scales += 16, minima += 16)
                    {
                        Vector512<float> scale = d * RepackedDot.Signed16((sbyte*)source + 32 + (16 * j));
                        scale.Store(scales);
                        (scale * -32f).Store(minima);
                    }

                    for (int j = 0; j < 8; j++, target += 512)
                    {
                        byte* group = source + Q6_KHeader + (j * Q6_KGroup);
                        for (int g = 0; g < 8; g++) RepackedDot.SixBit(group, g).Store(target + (64 * g));
                    }
                }

                break;
        }
    }

    /// <summary>Floats of one row, by the same operations as the type's codec, so that they are equal to the last bit.</summary>
    /// <param name="weights">A repacked matrix.</param>
    /// <param name="row">Which row.</param>
    /// <param name="first">First column; at a block's start.</param>
    /// <param name="count">Columns; whole blocks.</param>
    /// <param name="floats">[count].</param>
    public static void Decode(WeightMatrix weights, int row, int first, int count, float* floats)
    {
        byte* panel = weights.Repacked + (row / IntegerPanels.Rows * PanelBytes(weights));
        int lane = row % IntegerPanels.Rows;
        for (int column = first; column < first + count; column += 32, floats += 32)
        {
            int group = column % 256 / 32;
            switch (weights.Type)
            {
                case GgmlType.Q4_0:
                    {
                        byte* block = panel + (column / 32 * Q4_0Bytes);
                        float d = Halves.ToFloat(((ushort*)block)[lane]);
                        for (int i = 0; i < 32; i++) floats[i] = d * (Nibble(block + 32, lane, i) - 8);
                        break;
                    }

                case GgmlType.Q4_K:
                    {
                        byte* block = panel + (column / 256 * Q4_KBytes);
                        float scale = Halves.ToFloat(((ushort*)block)[lane]) * block[64 + (16 * group) + lane];
                        float minimum = Halves.ToFloat(((ushort*)block)[16 + lane]) * block[192 + (16 * group) + lane];
                        byte* quants = block + Q4_KHeader + (group * NibbleBytes);
                        for (int i = 0; i < 32; i++) floats[i] = (scale * Nibble(quants, lane, i)) - minimum;
                        break;
                    }

                default:
                    {
                        byte* block = panel + (column / 256 * Q6_KBytes);
                        float d = Halves.ToFloat(((ushort*)block)[lane]);
                        byte* quants = block + Q6_KHeader + (group * Q6_KGroup);
                        for (int i = 0; i < 32; i++)
                        {
                            float scale = d * (sbyte)block[32 + (16 * ((2 * group) + (i / 16))) + lane];
                            int g = i / 4;
                            int high = (quants[NibbleBytes + (64 * (g / 4)) + (4 * lane) + (i % 4)] >> (2 * (g % 4))) & 3;
                            floats[i] = scale * ((Nibble(quants, lane, i) | (high << 4)) - 32);
                        }

                        break;
                    }
            }
        }
    }

    /// <summary>Column i of 32 of one row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Nibble(byte* quants, int lane, int i) => (quants[(64 * (i / 4 % 4)) + (4 * lane) + (i % 4)] >> (4 * (i / 16))) & 15;

    private static void JoinNibbles(byte* panel, byte* target)
    {
        Vector512<byte> mask = Vector512.Create((byte)0x0F);
        for (int v = 0; v < 4; v++)
        {
            Vector512<byte> low = Vector512.Load(panel + (64 * v)) & mask, high = Vector512.Load(panel + (64 * (v + 4))) & mask;
            (low | Vector512.ShiftLeft(high.AsUInt16(), 4).AsByte()).Store(target + (64 * v));
        }
    }

    private static void JoinPairs(byte* panel, byte* target)
    {
        for (int u = 0; u < 2; u++)
        {
            Vector512<byte> pairs = default;
            for (int f = 0; f < 4; f++)
            {
                Vector512<byte> high = Vector512.ShiftRightLogical(Vector512.Load(panel + (64 * ((4 * u) + f))).AsUInt16(), 4).AsByte()
                    & Vector512.Create((byte)3);
                pairs |= Vector512.ShiftLeft(high.AsUInt16(), 2 * f).AsByte();
            }

            pairs.Store(target + (64 * u));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void SplitNibbles(byte* source, byte* panel)
    {
        Vector512<byte> mask = Vector512.Create((byte)0x0F);
        for (int v = 0; v < 4; v++)
        {
            Vector512<byte> packed = Vector512.Load(source + (64 * v));
            (packed & mask).Store(panel + (64 * v));
            (Vector512.ShiftRightLogical(packed.AsUInt16(), 4).AsByte() & mask).Store(panel + (64 * (v + 4)));
        }
    }
}
