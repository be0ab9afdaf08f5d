using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>Walks the blocks of a layout; checks the lengths once, before the first block.</summary>
/// <typeparam name="TLayout">The block type.</typeparam>
internal class BlockCodec<TLayout> : IBlockCodec
    where TLayout : struct, IBlockLayout
{
    public int BlockElements => TLayout.Elements;

    public int BlockBytes => TLayout.Bytes;

    public virtual bool CanQuantize => false;

    public bool ForInputs => TLayout.ForInputs;

    public void Dequantize(ReadOnlySpan<byte> blocks, Span<float> output)
    {
        if (!Vector128.IsHardwareAccelerated)
        {
            DequantizeScalar(blocks, output);
            return;
        }

        int count = BlockShape.Count(blocks.Length, TLayout.Bytes, output.Length, TLayout.Elements);
        if (count == 0) return;
        ref byte block = ref MemoryMarshal.GetReference(blocks);
        ref float values = ref MemoryMarshal.GetReference(output);
        for (int i = 0; i < count; i++)
        {
            TLayout.DecodeVector(
                ref Unsafe.Add(ref block, (nuint)i * (nuint)TLayout.Bytes),
                ref Unsafe.Add(ref values, (nuint)i * (nuint)TLayout.Elements));
        }
    }

    public void DequantizeScalar(ReadOnlySpan<byte> blocks, Span<float> output)
    {
        int count = BlockShape.Count(blocks.Length, TLayout.Bytes, output.Length, TLayout.Elements);
        for (int i = 0; i < count; i++)
        {
            TLayout.DecodeScalar(
                blocks.Slice(i * TLayout.Bytes, TLayout.Bytes),
                output.Slice(i * TLayout.Elements, TLayout.Elements));
        }
    }

    public virtual void Quantize(ReadOnlySpan<float> values, Span<byte> blocks) =>
        throw new NotSupportedException($"{typeof(TLayout).Name} is only read; CanQuantize says so.");

    public void SetScales(Span<byte> blocks, float deviation)
    {
        for (int at = 0; at < blocks.Length; at += TLayout.Bytes) TLayout.SetScales(blocks.Slice(at, TLayout.Bytes), deviation);
    }
}

/// <summary>A layout that can also be written.</summary>
/// <typeparam name="TLayout">The block type.</typeparam>
internal sealed class EncodingBlockCodec<TLayout> : BlockCodec<TLayout>
    where TLayout : struct, IBlockLayout, IBlockEncoder
{
    public override bool CanQuantize => true;

    public override void Quantize(ReadOnlySpan<float> values, Span<byte> blocks)
    {
        int count = BlockShape.Count(blocks.Length, TLayout.Bytes, values.Length, TLayout.Elements);
        for (int i = 0; i < count; i++)
        {
            TLayout.Encode(values.Slice(i * TLayout.Elements, TLayout.Elements), blocks.Slice(i * TLayout.Bytes, TLayout.Bytes));
        }
    }
}
