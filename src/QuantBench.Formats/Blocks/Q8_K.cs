using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>
/// Float <c>d</c> at 0 (may be negative), 256 signed bytes at 4, sums of each 16 of them as 16-bit integers at 260. <c>x = d · q</c>. An
/// activation format.
/// </summary>
public readonly struct Q8_K : IBlockLayout, IBlockEncoder
{
    static int IBlockFacts.Elements => 256;

    static int IBlockFacts.Bytes => 292;

    static bool IBlockLayout.ForInputs => true;

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        float d = BinaryPrimitives.ReadSingleLittleEndian(block);
        for (int i = 0; i < 256; i++) output[i] = d * (sbyte)block[4 + i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        float d = BlockBytes.Read<float>(ref block, 0);
        for (int i = 0; i < 256; i += 16)
            Lanes.Store(Vector128.LoadUnsafe(ref block, (nuint)(4 + i)).AsSByte(), d, ref Unsafe.Add(ref output, i));
    }

    static void IBlockEncoder.Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        block.Clear();
        float extreme = Extremes.Signed(values);
        if (extreme == 0) return;
        float inverse = -127 / extreme; // the value of largest magnitude becomes −127, so d carries its sign
        BinaryPrimitives.WriteSingleLittleEndian(block, 1 / inverse);
        for (int i = 0; i < 256; i += 16)
        {
            short sum = 0;
            for (int k = i; k < i + 16; k++)
            {
                sbyte q = (sbyte)Math.Min(127, MathF.Round(values[k] * inverse));
                sum += q;
                block[4 + k] = (byte)q;
            }

            BinaryPrimitives.WriteInt16LittleEndian(block[(260 + i / 8)..], sum);
        }
    }
}
