using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>
/// Half <c>d</c> at 0, low index bytes at 2 (one per 8 elements), a 16-bit word per 32 elements at 34: four times three high index bits, a
/// 3-bit scale, and the sign of the shift. <c>x = d · (2 · scale + 1) · (level ± ⅛)</c> with <see cref="Codebooks.IQ1S"/>.
/// </summary>
public readonly struct IQ1_S : IBlockLayout
{
    static int IBlockFacts.Elements => 256;

    static int IBlockFacts.Bytes => 50;

    static void IBlockLayout.SetScales(Span<byte> block, float deviation) => BlockBytes.WriteHalf(block, 0, 1 / 7f * deviation);

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        float d = BlockBytes.Half(block, 0);
        for (int i = 0; i < 256; i++)
        {
            int word = BinaryPrimitives.ReadUInt16LittleEndian(block[(34 + 2 * (i / 32))..]);
            int index = block[2 + i / 8] | (word >> (3 * (i % 32 / 8)) & 7) << 8;
            float shift = (word & 0x8000) != 0 ? -0.125f : 0.125f;
            output[i] = d * (2 * (word >> 12 & 7) + 1) * (Codebooks.Level(Codebooks.IQ1S[index], i % 8) + shift);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        float d = BlockBytes.Half(ref block, 0);
        for (int g = 0; g < 8; g++)
        {
            int word = BlockBytes.Read<ushort>(ref block, 34 + 2 * g);
            ref byte low = ref Unsafe.Add(ref block, 2 + 4 * g);
            float scale = d * (2 * (word >> 12 & 7) + 1);
            float shift = (word & 0x8000) != 0 ? -0.125f : 0.125f;
            for (int l = 0; l < 4; l += 2)
            {
                Vector128<sbyte> q = Vector128.Create(
                    Codebooks.IQ1S[BlockBytes.Read<byte>(ref low, l) | (word >> (3 * l) & 7) << 8],
                    Codebooks.IQ1S[BlockBytes.Read<byte>(ref low, l + 1) | (word >> (3 * l + 3) & 7) << 8]).AsSByte();
                Lanes.StoreShifted(q, shift, shift, scale, ref Unsafe.Add(ref output, 32 * g + 8 * l));
            }
        }
    }
}
