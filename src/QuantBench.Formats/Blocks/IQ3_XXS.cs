using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>
/// Half <c>d</c> at 0, an index into <see cref="Codebooks.IQ3XXS"/> per 4 elements at 2, a 32-bit word per 32 elements at 66 with four
/// times seven sign bits (<see cref="Codebooks.EvenSigns"/>) and a 4-bit scale on top. <c>x = d · (½ + scale) / 2 · ±level</c>.
/// </summary>
public readonly struct IQ3_XXS : IBlockLayout
{
    static int IBlockFacts.Elements => 256;

    static int IBlockFacts.Bytes => 98;

    static void IBlockLayout.SetScales(Span<byte> block, float deviation) => BlockBytes.WriteHalf(block, 0, 1 / 140f * deviation);

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        float d = BlockBytes.Half(block, 0);
        for (int i = 0; i < 256; i++)
        {
            uint word = BinaryPrimitives.ReadUInt32LittleEndian(block[(66 + 4 * (i / 32))..]);
            byte signs = Codebooks.EvenSigns(word >> (7 * (i % 32 / 8)) & 127);
            int level = Codebooks.Level(Codebooks.IQ3XXS[block[2 + i / 4]], i % 4);
            output[i] = Scale(d, word) * ((signs >> (i % 8) & 1) != 0 ? -level : level);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        float d = BlockBytes.Half(ref block, 0);
        for (int g = 0; g < 8; g++)
        {
            uint word = BlockBytes.Read<uint>(ref block, 66 + 4 * g);
            float scale = Scale(d, word);
            for (int l = 0; l < 4; l += 2)
            {
                ref byte index = ref Unsafe.Add(ref block, 2 + 8 * g + 2 * l);
                Vector128<sbyte> q = Codebooks.Signed(
                    Codebooks.IQ3XXS[BlockBytes.Read<byte>(ref index, 0)] | Codebooks.IQ3XXS[BlockBytes.Read<byte>(ref index, 1)] << 32,
                    Codebooks.IQ3XXS[BlockBytes.Read<byte>(ref index, 2)] | Codebooks.IQ3XXS[BlockBytes.Read<byte>(ref index, 3)] << 32,
                    Codebooks.EvenSigns(word >> (7 * l) & 127),
                    Codebooks.EvenSigns(word >> (7 * l + 7) & 127));
                Lanes.Store(q, scale, ref Unsafe.Add(ref output, 32 * g + 8 * l));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Scale(float d, uint word) => d * (0.5f + (word >> 28)) * 0.5f;
}
