using FsCheck.Xunit;
using QuantBench.Core.Errors;
using QuantBench.Formats.Safetensors;
using QuantBench.TestKit;

namespace QuantBench.Formats.Tests.Safetensors;

public class SafetensorsHeaderTests
{
    private static readonly byte[] Valid = TinySafetensors.Build();

    [Fact]
    public void Read_GivesTensorsInTheOrderOfTheirData()
    {
        // Headers may list tensors in any order.
        byte[] bytes = TinySafetensors.Build(
            """{"b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]},"e":{"dtype":"I64","shape":[0,3],"data_offsets":[24,24]}"""
                + ""","a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"__metadata__":{"format":"pt"}}  """,
            new byte[32]);

        SafetensorsHeader header = SafetensorsHeader.Read(bytes, "tiny.safetensors");

        Assert.Equal(["a", "e", "b"], header.Tensors.Select(tensor => tensor.Name));
        Assert.Equal([SafetensorsDType.F32, SafetensorsDType.I64, SafetensorsDType.BF16], header.Tensors.Select(tensor => tensor.DType));
        Assert.Equal([24, 0, 8], header.Tensors.Select(tensor => tensor.ByteSize));
        Assert.Equal([6, 0, 4], header.Tensors.Select(tensor => tensor.ElementCount));
        Assert.Equal<long>([2, 3], header.Tensors[0].Shape);
        Assert.Equal("pt", header.Metadata["format"]);
        Assert.Equal(bytes.Length - 32, header.DataOffset);
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}""", "not valid JSON")]
    [InlineData("[]", "an object")]
    // duplicate
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""",
        "not valid JSON")]
    [InlineData("""{"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}""", "'F33'")]
    [InlineData("""{"a":{"dtype":"11","shape":[1],"data_offsets":[0,4]}}""", "'11'")] // a number that the enum would take
    [InlineData("""{"a":{"dtype":"f32","shape":[1],"data_offsets":[0,4]}}""", "'f32'")]
    [InlineData("""{"a":{"dtype":32,"shape":[1],"data_offsets":[0,4]}}""", "a.dtype")]
    [InlineData("""{"a":{"shape":[1],"data_offsets":[0,4]}}""", "'a.dtype' is missing")]
    [InlineData("""{"a":{"dtype":"F32","data_offsets":[0,4]}}""", "'a.shape' is missing")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1]}}""", "'a.data_offsets' is missing")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", "negative size")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", "whole number")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}""", "too many elements")]
    // hidden by a zero
    [InlineData("""{"a":{"dtype":"F32","shape":[4294967296,4294967296,0],"data_offsets":[0,4]}}""", "too many elements")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}""", "3 data_offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", "bytes 4 to 0")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}""", "bytes -4 to 0")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,9223372036854775807]}}""", "bytes 0 to 9223372036854775807")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}""", "takes 4 bytes, but claims 8")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "gaps and overlaps")] // gap in front
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""",
        "gaps and overlaps")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "but the file has")] // bytes nobody claims
    [InlineData("""{"\ud800":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "not valid JSON")] // half a surrogate pair
    [InlineData("""{"a":{"dtype":"\ud800","shape":[2],"data_offsets":[0,8]}}""", "Unicode")]
    public void Read_Throws_WhenTheHeaderIsHostile(string header, string message)
    {
        byte[] bytes = TinySafetensors.Build(header, new byte[8]);

        QuantBenchException error = Assert.ThrowsAny<QuantBenchException>(() => SafetensorsHeader.Read(bytes, "hostile.safetensors"));

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.StartsWith("hostile.safetensors: ", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(100_000_001UL)]
    [InlineData(1UL << 63)]
    public void Read_ThrowsWithoutAllocating_WhenTheLengthIsHostile(ulong length)
    {
        byte[] bytes = [.. BitConverter.GetBytes(length), .. "{}"u8];
        _ = Record.Exception(() => SafetensorsHeader.Read(bytes, "warm-up.safetensors"));
        long before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Throws<ModelFormatException>(() => SafetensorsHeader.Read(bytes, "hostile.safetensors"));

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 256 * 1024);
    }

    [Fact]
    public void Read_RaisesFormatErrors_WhereverTheFileIsCut()
    {
        for (int length = 0; length < Valid.Length; length++)
        {
            int cut = length;
            Exception? error = Record.Exception(() => SafetensorsHeader.Read(Valid.AsSpan(0, cut), "cut.safetensors"));
            Assert.True(error is ModelFormatException, $"cut to {length}: {error}");
        }

        Assert.Equal(2, SafetensorsHeader.Read(Valid, "whole.safetensors").Tensors.Length);
    }

    [Theory]
    [InlineData(0)]
    [InlineData((byte)'"')]
    [InlineData((byte)'{')]
    [InlineData((byte)'9')]
    [InlineData(0x80)] // never starts a UTF-8 character
    [InlineData(0xFF)]
    public void Read_RaisesOnlyFormatErrors_WhereverOneByteBecomes(byte value)
    {
        for (int at = 0; at < Valid.Length; at++)
        {
            byte[] bytes = [.. Valid];
            bytes[at] = value;

            Exception? error = Record.Exception(() => SafetensorsHeader.Read(bytes, "changed.safetensors"));

            Assert.True(error is null or ModelFormatException or UnsupportedException, $"byte {at} = {value}: {error}");
        }
    }

    [Property(MaxTest = 2000)]
    public void Read_RaisesOnlyFormatErrors_WhenOneByteIsChanged(uint at, byte value)
    {
        byte[] bytes = [.. Valid];
        bytes[at % (uint)bytes.Length] = value;

        Exception? error = Record.Exception(() => SafetensorsHeader.Read(bytes, "changed.safetensors"));

        Assert.True(error is null or ModelFormatException or UnsupportedException, $"byte {at % (uint)bytes.Length} = {value}: {error}");
    }
}
