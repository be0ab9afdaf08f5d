using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>32-bit floats; copied.</summary>
internal sealed class F32Codec : IBlockCodec
{
    public int BlockElements => 1;

    public int BlockBytes => 4;

    public bool CanQuantize => true;

    public void Dequantize(ReadOnlySpan<byte> blocks, Span<float> output)
    {
        BlockShape.Count(blocks.Length, 4, output.Length, 1);
        blocks.CopyTo(MemoryMarshal.AsBytes(output));
    }

    public void DequantizeScalar(ReadOnlySpan<byte> blocks, Span<float> output) => Dequantize(blocks, output);

    public void Quantize(ReadOnlySpan<float> values, Span<byte> blocks)
    {
        BlockShape.Count(blocks.Length, 4, values.Length, 1);
        MemoryMarshal.AsBytes(values).CopyTo(blocks);
    }
}

/// <summary>IEEE halves, rounded to nearest even.</summary>
internal sealed class F16Codec : IBlockCodec
{
    public int BlockElements => 1;

    public int BlockBytes => 2;

    public bool CanQuantize => true;

    public void Dequantize(ReadOnlySpan<byte> blocks, Span<float> output)
    {
        BlockShape.Count(blocks.Length, 2, output.Length, 1);
        HalfBits.ToSingle(MemoryMarshal.Cast<byte, ushort>(blocks), output);
    }

    public void DequantizeScalar(ReadOnlySpan<byte> blocks, Span<float> output)
    {
        BlockShape.Count(blocks.Length, 2, output.Length, 1);
        ReadOnlySpan<ushort> bits = MemoryMarshal.Cast<byte, ushort>(blocks);
        for (int i = 0; i < output.Length; i++) output[i] = (float)BitConverter.UInt16BitsToHalf(bits[i]);
    }

    public void Quantize(ReadOnlySpan<float> values, Span<byte> blocks)
    {
        BlockShape.Count(blocks.Length, 2, values.Length, 1);
        Span<ushort> bits = MemoryMarshal.Cast<byte, ushort>(blocks);
        for (int i = 0; i < values.Length; i++) bits[i] = HalfBits.FromSingle(values[i]);
    }
}

/// <summary>The upper half of a float, rounded to nearest even; NaN is made quiet.</summary>
internal sealed class BF16Codec : IBlockCodec
{
    public int BlockElements => 1;

    public int BlockBytes => 2;

    public bool CanQuantize => true;

    public void Dequantize(ReadOnlySpan<byte> blocks, Span<float> output)
    {
        BlockShape.Count(blocks.Length, 2, output.Length, 1);
        ReadOnlySpan<ushort> bits = MemoryMarshal.Cast<byte, ushort>(blocks);
        ref ushort source = ref MemoryMarshal.GetReference(bits);
        ref float target = ref MemoryMarshal.GetReference(output);
        int i = 0;
        if (Vector256.IsHardwareAccelerated)
        {
            // 16 halves become two registers of 8, moved up by 16 bits.
            for (; i <= bits.Length - 16; i += 16)
            {
                (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(Vector256.LoadUnsafe(ref source, (nuint)i));
                (low << 16).AsSingle().StoreUnsafe(ref target, (nuint)i);
                (high << 16).AsSingle().StoreUnsafe(ref target, (nuint)i + 8);
            }
        }

        for (; i < bits.Length; i++) output[i] = BitConverter.UInt32BitsToSingle((uint)bits[i] << 16);
    }

    public void DequantizeScalar(ReadOnlySpan<byte> blocks, Span<float> output)
    {
        BlockShape.Count(blocks.Length, 2, output.Length, 1);
        ReadOnlySpan<ushort> bits = MemoryMarshal.Cast<byte, ushort>(blocks);
        for (int i = 0; i < bits.Length; i++) output[i] = BitConverter.UInt32BitsToSingle((uint)bits[i] << 16);
    }

    public void Quantize(ReadOnlySpan<float> values, Span<byte> blocks)
    {
        BlockShape.Count(blocks.Length, 2, values.Length, 1);
        Span<ushort> bits = MemoryMarshal.Cast<byte, ushort>(blocks);
        for (int i = 0; i < values.Length; i++)
        {
            uint value = BitConverter.SingleToUInt32Bits(values[i]);
            bits[i] = float.IsNaN(values[i]) ? (ushort)(value >> 16 | 0x40) : (ushort)((value + 0x7FFF + ((value >> 16) & 1)) >> 16);
        }
    }
}
