using System.Collections.Immutable;
using FsCheck.Xunit;
using QuantBench.Formats.Gguf;
using QuantBench.TestKit;

namespace QuantBench.Formats.Tests.Gguf;

public class GgufWriterTests
{
    [Fact]
    public void Write_GivesTheBytesThatWereRead()
    {
        byte[] original = TinyGguf.Build();

        Assert.Equal(original, Rewrite(original));
    }

    [Property(MaxTest = 300)]
    public void Read_GivesWhatWasWritten_ForAnyContent(int seed)
    {
        var random = new Random(seed);
        var metadata = new GgufMetadata("random.gguf");
        if (random.Next(2) == 0) metadata.Add("general.alignment", 1u << random.Next(0, 8));
        for (int i = random.Next(8); i > 0; i--) metadata.Add($"key.{i}", RandomValue(random));
        ImmutableArray<GgufTensorSpec> specs = [.. Enumerable.Range(0, random.Next(6)).Select(i => RandomSpec(random, i))];
        byte[][] data = [.. specs.Select(spec => RandomBytes(random, (int)spec.ByteSize))];

        byte[] bytes = Write(metadata, specs, data, random);
        GgufHeader header = GgufReader.Read(bytes, "random.gguf");

        Assert.Equal(metadata.Select(entry => entry.Key), header.Metadata.Select(entry => entry.Key));
        Assert.All(metadata, entry => Assert.Equal(entry.Value, header.Metadata.First(read => read.Key == entry.Key).Value));
        Assert.All(metadata,
            entry => Assert.Equal(entry.Value.GetType(), header.Metadata.First(read => read.Key == entry.Key).Value.GetType()));
        Assert.Equal(specs.Length, header.Tensors.Length);
        for (int i = 0; i < specs.Length; i++)
        {
            GgufTensorInfo tensor = header.Tensors[i];
            Assert.Equal((specs[i].Name, specs[i].Type), (tensor.Name, tensor.Type));
            Assert.Equal<long>(specs[i].Dimensions, tensor.Dimensions);
            Assert.Equal(data[i], bytes.AsSpan((int)tensor.Offset, (int)tensor.ByteSize).ToArray());
            Assert.Equal(0, tensor.Offset % header.Alignment);
        }

        Assert.Equal(0, bytes.Length % header.Alignment);
        Assert.Equal(bytes, Rewrite(bytes));
    }

    [Fact]
    public void Complete_Throws_WhenBytesAreMissing()
    {
        using var writer = new GgufWriter(new MemoryStream(), new GgufMetadata("a"), [new GgufTensorSpec("t", GgmlType.F32, [2])]);
        writer.Append(new byte[4]);

        Assert.Throws<InvalidOperationException>(writer.Complete);
    }

    [Fact]
    public void Append_Throws_WhenBytesRunPastTheTensor()
    {
        using var writer = new GgufWriter(new MemoryStream(), new GgufMetadata("a"), [new GgufTensorSpec("t", GgmlType.F32, [2])]);

        Assert.Throws<ArgumentException>(() => writer.Append(new byte[9]));
    }

    [Fact]
    public void Constructor_Throws_WhenATensorNameIsTooLong() =>
        Assert.Throws<ArgumentException>(() =>
            new GgufWriter(new MemoryStream(), new GgufMetadata("a"), [new GgufTensorSpec(new string('é', 32), GgmlType.F32, [1])]));

    [Fact]
    public void Add_Throws_WhenAValueHasNoPlaceInGguf()
    {
        var metadata = new GgufMetadata("a");

        Assert.Throws<ArgumentException>(() => metadata.Add("decimal", 1m));
        Assert.Throws<ArgumentException>(() => metadata.Add("nested", new int[][] { [1] }));
    }

    private static byte[] Rewrite(byte[] original)
    {
        GgufHeader header = GgufReader.Read(original, "original.gguf");
        ImmutableArray<GgufTensorSpec> specs = [
            .. header.Tensors.Select(tensor => new GgufTensorSpec(tensor.Name, tensor.Type, tensor.Dimensions))];
        byte[][] data = [.. header.Tensors.Select(tensor => original.AsSpan((int)tensor.Offset, (int)tensor.ByteSize).ToArray())];
        return Write(header.Metadata, specs, data, new Random(1));
    }

    /// <summary>Writes each tensor in two pieces of random sizes.</summary>
    private static byte[] Write(GgufMetadata metadata, ImmutableArray<GgufTensorSpec> specs, byte[][] data, Random random)
    {
        var stream = new MemoryStream();
        using var writer = new GgufWriter(stream, metadata, specs);
        foreach (byte[] bytes in data)
        {
            int cut = random.Next(bytes.Length + 1);
            writer.Append(bytes.AsSpan(0, cut));
            writer.Append(bytes.AsSpan(cut));
        }

        writer.Complete();
        return stream.ToArray();
    }

    private static GgufTensorSpec RandomSpec(Random random, int index)
    {
        GgmlTypeInfo info = GgmlTypes.All[random.Next(GgmlTypes.All.Length)];
        long[] sizes = [.. Enumerable.Range(0, random.Next(5)).Select(_ => (long)random.Next(0, 4))];
        if (sizes.Length > 0) sizes[0] *= info.BlockElements;
        return new GgufTensorSpec($"tensor.{index}.weight", sizes.Length == 0 ? GgmlType.F32 : info.Type, [.. sizes]);
    }

    private static object RandomValue(Random random) => random.Next(18) switch
    {
        0 => (byte)random.Next(),
        1 => (sbyte)random.Next(),
        2 => (ushort)random.Next(),
        3 => (short)random.Next(),
        4 => (uint)random.Next(),
        5 => random.Next(int.MinValue, int.MaxValue),
        6 => random.NextSingle(),
        7 => random.Next(2) == 0,
        8 => RandomText(random),
        9 => (ulong)random.NextInt64(),
        10 => random.NextInt64(long.MinValue, long.MaxValue),
        11 => random.NextDouble(),
        12 => Enumerable.Range(0, random.Next(4)).Select(_ => RandomText(random)).ToArray(),
        13 => new uint[] { (uint)random.Next(), 7 },
        14 => new[] { random.NextSingle() },
        15 => new[] { true, random.Next(2) == 0 },
        16 => new[] { random.NextInt64() },
        _ => RandomBytes(random, random.Next(5)),
    };

    private static string RandomText(Random random) =>
        string.Concat(
            Enumerable.Range(0, random.Next(6))
                .Select(_ => random.Next(3) switch { 0 => "Ġ", 1 => "\U0001F600", _ => ((char)random.Next(32, 127)).ToString() }));

    private static byte[] RandomBytes(Random random, int count)
    {
        byte[] bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }
}
