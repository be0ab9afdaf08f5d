using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>
/// Half <c>d</c> at 0, 8 bytes per 32 elements at 2: four indices into <see cref="Codebooks.IQ2XXS"/>, then a 32-bit word with four times
/// seven sign bits (<see cref="Codebooks.EvenSigns"/>) and a 4-bit scale on top. <c>x = d · (½ + scale) / 4 · ±level</c>.
/// </summary>
public readonly struct IQ2_XXS : IBlockLayout
{
    static int IBlockFacts.Elements => 256;

    static int IBlockFacts.Bytes => 66;

    static void IBlockLayout.SetScales(Span<byte> block, float deviation) => BlockBytes.WriteHalf(block, 0, 1 / 60f * deviation);

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        float d = BlockBytes.Half(block, 0);
        for (int i = 0; i < 256; i++)
        {
            ReadOnlySpan<byte> group = block.Slice(2 + 8 * (i / 32), 8);
            int l = i % 32 / 8;
            uint word = BinaryPrimitives.ReadUInt32LittleEndian(group[4..]);
            byte signs = Codebooks.EvenSigns((word >> (7 * l)) & 127);
            int level = Codebooks.Level(Codebooks.IQ2XXS[group[l]], i % 8);
            output[i] = Scale(d, word) * ((signs >> (i % 8) & 1) != 0 ? -level : level);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        float d = BlockBytes.Half(ref block, 0);
        for (int g = 0; g < 8; g++)
        {
            ref byte group = ref Unsafe.Add(ref block, 2 + 8 * g);
            uint word = BlockBytes.Read<uint>(ref group, 4);
            float scale = Scale(d, word);
            for (int l = 0; l < 4; l += 2)
            {
                Vector128<sbyte> q = Codebooks.Signed(
                    Codebooks.IQ2XXS[BlockBytes.Read<byte>(ref group, l)],
                    Codebooks.IQ2XXS[BlockBytes.Read<byte>(ref group, l + 1)],
                    Codebooks.EvenSigns((word >> (7 * l)) & 127),
                    Codebooks.EvenSigns((word >> (7 * l + 7)) & 127));
                Lanes.Store(q, scale, ref Unsafe.Add(ref output, 32 * g + 8 * l));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Scale(float d, uint word) => d * (0.5f + (word >> 28)) * 0.25f;
}
