using FsCheck.Xunit;
using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.TestKit;

namespace QuantBench.Formats.Tests.Gguf;

public class GgufReaderTests
{
    private static readonly byte[] Valid = TinyGguf.Build();

    [Fact]
    public void Read_GivesMetadataAndTensors()
    {
        GgufHeader header = GgufReader.Read(Valid, "tiny.gguf");

        Assert.Equal(3u, header.Version);
        Assert.Equal("llama", header.Metadata.GetString("general.architecture"));
        Assert.Equal(0, header.Metadata.GetInteger("general.file_type"));
        Assert.True(header.Metadata.FindBoolean("a.bool"));
        Assert.Equal(0.5, header.Metadata.FindNumber("a.float"));
        Assert.Equal(-2.5, header.Metadata.FindNumber("a.double"));
        Assert.Equal(-5, header.Metadata.GetInteger("a.long"));
        Assert.Equal(["a", "bc", ""], header.Metadata.GetArray<string>("tokenizer.ggml.tokens"));
        Assert.Equal([1, 2], header.Metadata.GetArray<int>("a.ints"));
        Assert.Equal(["first.weight", "second.weight", "third.weight"], header.Tensors.Select(tensor => tensor.Name));
        Assert.Equal([6, 32, 1], header.Tensors.Select(tensor => tensor.ElementCount));
        Assert.Equal([24, 34, 2], header.Tensors.Select(tensor => tensor.ByteSize));
        Assert.Equal([0, 32, 96], header.Tensors.Select(tensor => tensor.Offset - header.DataOffset));
    }

    [Fact]
    public void Read_GivesTheSame_WhenTheVersionIsTwo() =>
        Assert.Equal(2u, GgufReader.Read(new TinyGguf { Version = 2 }.Text("general.architecture", "llama").ToArray(), "two.gguf").Version);

    [Fact]
    public void Read_FollowsTheAlignment_WhenTheFileGivesOne()
    {
        byte[] bytes = new TinyGguf { Alignment = 64 }
            .UInt32("general.alignment", 64)
            .Tensor("a", 0, [1], new byte[4])
            .Tensor("b", 0, [1], [0, 0, 128, 63])
            .ToArray();

        GgufHeader header = GgufReader.Read(bytes, "aligned.gguf");

        Assert.Equal(0, header.DataOffset % 64);
        Assert.Equal(1f, BitConverter.ToSingle(bytes, (int)header.Tensors[1].Offset));
    }

    [Theory]
    [InlineData(1u)]
    [InlineData(8u)]
    [InlineData(32u)]
    [InlineData(4096u)]
    public void Relayout_WritesTheSameModel_WithTheUsualAlignment(uint alignment)
    {
        using var directory = new TemporaryDirectory();
        byte[] odd = new TinyGguf { Alignment = alignment }
            .UInt32("general.alignment", alignment).Text("general.architecture", "llama")
            .Tensor("a", 0, [3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]).Tensor("b", 24, [5], [1, 2, 3, 4, 5]).ToArray();
        string made = directory.Combine("made.gguf");
        using (GgufReader source = GgufReader.Open(directory.Write("odd.gguf", odd)))
        {
            Assert.Equal(alignment != 32, GgufRelayout.IsNeeded(source));
            GgufRelayout.Write(source, made, new Progress<double>(), CancellationToken.None);
        }

        using GgufReader model = GgufReader.Open(made);

        Assert.False(GgufRelayout.IsNeeded(model));
        Assert.Equal("llama", model.Architecture);
        Assert.All(model.Tensors, tensor => Assert.Equal(0, tensor.Offset % 32));
        Assert.Equal<byte>([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], model.Span(model.Find("a")!)); // written above
        Assert.Equal<byte>([1, 2, 3, 4, 5], model.Span(model.Find("b")!));
    }

    [Theory]
    [MemberData(nameof(Hostile))]
    public void Read_Throws_WhenTheFileIsHostile(string why, byte[] bytes, string message)
    {
        QuantBenchException error = Assert.ThrowsAny<QuantBenchException>(() => GgufReader.Read(bytes, "hostile.gguf"));

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.StartsWith(
            error is ModelFormatException ? "hostile.gguf: at byte " : "hostile.gguf: ", error.Message, StringComparison.Ordinal);
        Assert.True(error.Hint is not null, why);
    }

    [Theory]
    [MemberData(nameof(Hostile))]
    public void Read_AllocatesNothingLarge_WhenTheFileIsHostile(string why, byte[] bytes, string message)
    {
        _ = message;
        _ = Record.Exception(() => GgufReader.Read(bytes, "warm-up.gguf"));
        long before = GC.GetAllocatedBytesForCurrentThread();
        _ = Record.Exception(() => GgufReader.Read(bytes, "hostile.gguf"));
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.True(allocated < 256 * 1024, $"{why}: {allocated} bytes");
    }

    public static TheoryData<string, byte[], string> Hostile()
    {
        byte[] big = BitConverter.GetBytes(ulong.MaxValue);
        ulong[] huge = [1UL << 40, 1UL << 40];
        return new TheoryData<string, byte[], string>
        {
            { "nothing", [], "not a GGUF file" },
            { "another format", "PK\u0003\u0004........................"u8.ToArray(), "not a GGUF file" },
            { "version 0", new TinyGguf { Version = 0 }.ToArray(), "version 0" },
            { "version 1 has 32-bit counts", new TinyGguf { Version = 1 }.ToArray(), "version 1" },
            { "version 4", new TinyGguf { Version = 4 }.ToArray(), "version 4" },
            { "big-endian", new TinyGguf { Version = 0x03000000 }.ToArray(), "big-endian" },
            { "tensor count of all ones", new TinyGguf { ClaimedTensors = ulong.MaxValue }.ToArray(), "18446744073709551615 tensors" },
            { "tensor count whose product with the entry size overflows",
                new TinyGguf { ClaimedTensors = ulong.MaxValue / 24 + 2 }.ToArray(), "tensors" },
            { "metadata count of all ones", new TinyGguf { ClaimedEntries = ulong.MaxValue }.ToArray(), "metadata entries" },
            { "one entry more than there is", new TinyGguf { ClaimedEntries = 2 }.UInt32("a", 1).ToArray(), "is empty" },
            { "empty key", new TinyGguf().UInt32("", 1).ToArray(), "is empty" },
            { "key of all ones", [.. Prefix(0, 1), .. big, .. new byte[32]], "a metadata key claims" },
            { "key that isn't UTF-8", [.. Prefix(0, 1), .. BitConverter.GetBytes(2UL), 0xC3, 0x28, .. new byte[32]], "not valid UTF-8" },
            { "duplicate key", new TinyGguf().UInt32("a", 1).UInt32("a", 2).ToArray(), "'a' appears twice" },
            { "unknown value type", new TinyGguf().Entry("a", 13, new byte[16]).ToArray(), "unknown type 13" },
            { "string of all ones", new TinyGguf().Entry("a", 8, big).ToArray(), "claims 18446744073709551615 bytes" },
            { "string one byte too long", new TinyGguf { Alignment = 1 }.Entry("a", 8, [.. BitConverter.GetBytes(3UL), 65, 66]).ToArray(),
                "claims 3 bytes" },
            { "array of all ones", new TinyGguf().Array("a", 4, ulong.MaxValue, []).ToArray(), "18446744073709551615 elements" },
            { "array within the limit but past the end", new TinyGguf().Array("a", 4, 1UL << 30, []).ToArray(), "1073741824 elements" },
            { "string array past the end", new TinyGguf().Array("a", 8, 1UL << 29, []).ToArray(), "536870912 strings" },
            { "array of arrays", new TinyGguf().Array("a", 9, 1, new byte[16]).ToArray(), "array of arrays" },
            { "array of unknown type", new TinyGguf().Array("a", 77, 1, new byte[16]).ToArray(), "unknown type 77" },
            { "alignment 0", new TinyGguf().UInt32("general.alignment", 0).ToArray(), "power of two" },
            { "alignment 48", new TinyGguf().UInt32("general.alignment", 48).ToArray(), "power of two" },
            { "alignment of another type", new TinyGguf().Entry("general.alignment", 10, BitConverter.GetBytes(32UL)).ToArray(),
                "32-bit power of two" },
            { "name of 64 bytes", new TinyGguf().Tensor(new string('n', 64), 0, [1], new byte[4]).ToArray(),
                "claims 64 bytes; at most 63" },
            { "duplicate tensor", new TinyGguf().Tensor("t", 0, [1], new byte[4]).Tensor("t", 0, [1], new byte[4]).ToArray(),
                "'t' appears twice" },
            { "five dimensions", new TinyGguf().Tensor("t", 0, [1, 1, 1, 1, 1], new byte[4]).ToArray(), "5 dimensions" },
            { "negative size", new TinyGguf().Tensor("t", 0, [ulong.MaxValue], new byte[4]).ToArray(), "negative size -1" },
            { "sizes whose product overflows", new TinyGguf().Tensor("t", 0, huge, new byte[4]).ToArray(), "more than 2^63" },
            { "overflow hidden by a zero", new TinyGguf().Tensor("t", 0, [.. huge, 0], new byte[4]).ToArray(), "more than 2^63" },
            { "bytes that overflow", new TinyGguf().Tensor("t", 27, [1UL << 61], new byte[4]).ToArray(), "bytes" },
            { "withdrawn type", new TinyGguf().Tensor("t", 4, [32], new byte[64]).ToArray(), "unknown type 4" },
            { "unknown type", new TinyGguf().Tensor("t", 43, [64], new byte[64]).ToArray(), "unknown type 43" },
            { "broken block", new TinyGguf().Tensor("t", 8, [33], new byte[64]).ToArray(), "whole blocks of 32" },
            { "offset past the file", new TinyGguf().Tensor("t", 0, [1], new byte[4], offset: 1UL << 40).ToArray(),
                "the one before ends at 0" },
            { "offset of all ones", new TinyGguf().Tensor("t", 0, [1], new byte[4], offset: ulong.MaxValue).ToArray(),
                "the one before ends at 0" },
            { "overlap", new TinyGguf().Tensor("t", 0, [9], new byte[36]).Tensor("u", 0, [1], new byte[4], offset: 32).ToArray(),
                "the one before ends at 64" },
            { "gap", new TinyGguf().Tensor("t", 0, [1], new byte[4]).Tensor("u", 0, [1], new byte[4], offset: 64).ToArray(),
                "the one before ends at 32" },
            { "tensor past the end", new TinyGguf().Tensor("t", 0, [1000], new byte[4]).ToArray(), "but the file has" },
        };
    }

    [Fact]
    public void Read_RaisesFormatErrors_WhereverTheFileIsCut()
    {
        // The last 30 bytes are padding, which readers that map the file don't need.
        int needed = Valid.Length - 30;
        for (int length = 0; length < needed; length++)
        {
            int cut = length;
            Exception? error = Record.Exception(() => GgufReader.Read(Valid.AsSpan(0, cut), "cut.gguf"));
            Assert.True(error is ModelFormatException, $"cut to {length}: {error}");
        }

        _ = GgufReader.Read(Valid.AsSpan(0, needed), "cut.gguf");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(0x7F)]
    [InlineData(0x80)]
    [InlineData(0xFF)]
    public void Read_RaisesOnlyFormatErrors_WhereverOneByteBecomes(byte value)
    {
        for (int at = 0; at < Valid.Length; at++)
        {
            byte[] bytes = [.. Valid];
            bytes[at] = value;

            Exception? error = Record.Exception(() => GgufReader.Read(bytes, "changed.gguf"));

            Assert.True(error is null or ModelFormatException or UnsupportedException, $"byte {at} = {value}: {error}");
        }
    }

    [Property(MaxTest = 2000)]
    public void Read_RaisesOnlyFormatErrors_WhenOneByteIsChanged(uint at, byte value)
    {
        byte[] bytes = [.. Valid];
        bytes[at % (uint)bytes.Length] = value;

        Exception? error = Record.Exception(() => GgufReader.Read(bytes, "changed.gguf"));

        Assert.True(error is null or ModelFormatException or UnsupportedException, $"byte {at % (uint)bytes.Length} = {value}: {error}");
    }

    [Fact]
    public void Open_GivesTheBytesOfTensors()
    {
        using var directory = new TemporaryDirectory();

        using GgufReader reader = GgufReader.Open(directory.Write("tiny.gguf", Valid));

        Assert.Equal("llama", reader.Architecture);
        Assert.Equal(0, reader.FileType);
        Assert.Equal(39, reader.ParameterCount);
        Assert.Equal(60, reader.TensorBytes);
        Assert.Equal(Valid.Length, reader.FileBytes);
        GgufTensorInfo third = reader.Find("third.weight") ?? throw new InvalidOperationException("no third tensor");
        Assert.Equal<byte>([0, 60], reader.Span(third));
        Assert.Equal<byte>([60], reader.Span(third, 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => { _ = reader.Span(third, 1, 2); });
        Assert.Null(reader.Find("fourth.weight"));
    }

    [Fact]
    public void Open_Throws_WhenTheFileIsEmptyOrMissing()
    {
        using var directory = new TemporaryDirectory();

        Assert.Throws<ModelFormatException>(() => GgufReader.Open(directory.Write("empty.gguf", [])));
        Assert.Throws<RequestException>(() => GgufReader.Open(directory.Combine("missing.gguf")));
    }

    [Fact]
    public void Open_JoinsSplitFiles()
    {
        using var directory = new TemporaryDirectory();
        string first = directory.Write("m-00001-of-00002.gguf", Part(0, 2, 2, "a"));
        directory.Write("m-00002-of-00002.gguf", Part(1, 2, 2, "b"));

        using GgufReader reader = GgufReader.Open(first);

        Assert.Equal(["a", "b"], reader.Tensors.Select(tensor => tensor.Name));
        Assert.Equal([0, 1], reader.Tensors.Select(tensor => tensor.Part));
        Assert.Equal(2, reader.Files.Length);
        Assert.Equal<byte>([1, 0, 0, 0], reader.Span(reader.Tensors[1]));
    }

    [Theory]
    [InlineData("missing second file", 1, 2, 2, "b", "none-00002-of-00002.gguf", typeof(ModelFormatException))]
    [InlineData("second file says it is the first", 0, 2, 2, "b", "m-00002-of-00002.gguf", typeof(ModelFormatException))]
    [InlineData("second file counts otherwise", 1, 3, 2, "b", "m-00002-of-00002.gguf", typeof(ModelFormatException))]
    [InlineData("same tensor twice", 1, 2, 2, "a", "m-00002-of-00002.gguf", typeof(ModelFormatException))]
    [InlineData("another total", 1, 2, 7, "b", "m-00002-of-00002.gguf", typeof(ModelFormatException))]
    public void Open_Throws_WhenSplitFilesDisagree(string why, ushort number, ushort count, int total, string tensor, string name,
        Type expected)
    {
        using var directory = new TemporaryDirectory();
        string first = directory.Write("m-00001-of-00002.gguf", Part(0, 2, total, "a"));
        directory.Write(name, Part(number, count, total, tensor));

        Exception? error = Record.Exception(() => GgufReader.Open(first));

        Assert.True(error?.GetType() == expected, $"{why}: {error}");
    }

    [Fact]
    public void Open_NamesTheFirstFile_WhenAnotherIsGiven()
    {
        using var directory = new TemporaryDirectory();
        string second = directory.Write("m-00002-of-00002.gguf", Part(1, 2, 2, "b"));

        ModelFormatException error = Assert.Throws<ModelFormatException>(() => GgufReader.Open(second));

        Assert.Contains("m-00001-of-00002.gguf", error.Hint, StringComparison.Ordinal);
    }

    private static byte[] Part(ushort number, ushort count, int total, string tensor) => new TinyGguf()
        .Entry("split.no", 2, BitConverter.GetBytes(number))
        .Entry("split.count", 2, BitConverter.GetBytes(count))
        .Entry("split.tensors.count", 5, BitConverter.GetBytes(total))
        .Tensor(tensor, 0, [1], [(byte)number, 0, 0, 0])
        .ToArray();

    private static byte[] Prefix(ulong tensors, ulong entries) =>
        [.. "GGUF"u8, 3, 0, 0, 0, .. BitConverter.GetBytes(tensors), .. BitConverter.GetBytes(entries)];
}
