using System.Runtime.InteropServices;
using FsCheck.Xunit;
using QuantBench.Formats.Conversion;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Safetensors;

namespace QuantBench.Formats.Tests.Conversion;

public class FloatRowsTests
{
    [Theory]
    [InlineData(0x3F800000u, 0x3F80)] // 1
    [InlineData(0x3F808000u, 0x3F80)] // a tie goes to even: down
    [InlineData(0x3F818000u, 0x3F82)] // a tie goes to even: up
    [InlineData(0x3F808001u, 0x3F81)] // above the tie
    [InlineData(0x7F7FFFFFu, 0x7F80)] // the largest float becomes infinity
    [InlineData(0x7F800000u, 0x7F80)] // infinity
    [InlineData(0x7F800001u, 0x7FC0)] // a NaN whose upper half alone would be infinity
    [InlineData(0x80000000u, 0x8000)] // minus zero
    [InlineData(0x00000001u, 0x0000)] // denormal
    public void ToBFloat16_RoundsToNearestEven(uint bits, ushort expected) =>
        Assert.Equal(expected, FloatRows.ToBFloat16(BitConverter.UInt32BitsToSingle(bits)));

    [Fact]
    public void Convert_IsLosslessToF32_ForEveryBFloat16AndHalf()
    {
        ushort[] all = [.. Enumerable.Range(0, 1 << 16).Select(value => (ushort)value)];
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes<ushort>(all);
        byte[] floats = new byte[all.Length * 4];
        byte[] back = new byte[bytes.Length];
        float[] scratch = new float[all.Length];

        foreach ((SafetensorsDType source,
            GgmlType target) in new[] { (SafetensorsDType.BF16, GgmlType.BF16), (SafetensorsDType.F16, GgmlType.F16) })
        {
            FloatRows.Convert(bytes, source, floats, GgmlType.F32, scratch);
            FloatRows.Convert(floats, SafetensorsDType.F32, back, target, scratch);
            ReadOnlySpan<ushort> words = MemoryMarshal.Cast<byte, ushort>(back);
            ReadOnlySpan<float> values = MemoryMarshal.Cast<byte, float>(floats);

            // NaNs may change their payload, nothing else may.
            for (int i = 0; i < all.Length; i++)
                Assert.True(words[i] == all[i] || float.IsNaN(values[i]), $"{source} 0x{i:X4} came back as 0x{words[i]:X4}");
        }
    }

    [Property]
    public void Convert_GivesTheNearestHalf_ForAnyFloat(float value)
    {
        byte[] half = new byte[2];

        FloatRows.Convert(BitConverter.GetBytes(value), SafetensorsDType.F32, half, GgmlType.F16, new float[1]);

        Assert.Equal((Half)value, BitConverter.ToHalf(half));
    }
}
