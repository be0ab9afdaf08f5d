using System.Globalization;
using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Safetensors;
using QuantBench.TestKit;

namespace QuantBench.Formats.Tests.Fuzzing;

/// <summary>
/// 100,000 mutated headers and tensor tables of each format (another number: QUANTBENCH_FUZZ_MUTATIONS), always the same ones: the reader
/// gives a header or raises the format's own exception, and takes little more memory than the file has bytes. A crash or hang ends the test
/// run.
/// </summary>
public sealed class HeaderFuzzTests
{
    // Managed objects can't be as small as what they are read from: GGUF's smallest entry has 14 bytes in the file, and a key, a boxed
    // value and two table slots here. A pair of __metadata__ has ten bytes of JSON at least, and two texts, a sorted table's node and the
    // parser's own slots, 12 bytes each in a table that grows by doubling, here: 25 times its size. The tests of dense files are made of
    // nothing but such entries.
    private const int GgufBytesPerByte = 8;
    private const int SafetensorsBytesPerByte = 32;

    // What the empty tables, a message and a stack trace cost whatever the file's size.
    private const int FixedBytes = 8 << 10;

    private static readonly int s_mutations = int.Parse(
        Environment.GetEnvironmentVariable("QUANTBENCH_FUZZ_MUTATIONS") ?? "100000", NumberStyles.None, CultureInfo.InvariantCulture);

    [Fact]
    public void Gguf_RaisesOnlyFormatErrors_WhenHeadersAreMutated()
    {
        byte[] tiny = TinyGguf.Build();
        byte[] large = LargeGguf();

        Run([(tiny, tiny.Length), (large, large.Length)], GgufBytesPerByte, bytes => GgufReader.Read(bytes, "fuzzed.gguf").Tensors.Length);
    }

    [Fact]
    public void Safetensors_RaisesOnlyFormatErrors_WhenHeadersAreMutated()
    {
        byte[] tiny = TinySafetensors.Build();
        byte[] large = TinyModel.Weights().ToArray();
        int headerBytes = 8 + (int)BitConverter.ToUInt64(large);

        // The data is cut off and the header's length kept, so that mutations hit the table; what a whole table needs is the tiny file's
        // part.
        Run([(tiny, tiny.Length), (large[..(headerBytes + 64)], headerBytes)], SafetensorsBytesPerByte,
            bytes => SafetensorsHeader.Read(bytes, "fuzzed.safetensors").Tensors.Length);
    }

    [Fact]
    public void Gguf_TakesMemoryInProportion_WhenFilesAreDense()
    {
        var entries = new TinyGguf();
        for (int i = 0; i < 20_000; i++)
            entries = entries.Entry($"{(char)(0x21 + (i % 90))}{(char)(0x21 + (i / 90 % 90))}{(char)(0x21 + (i / 8100))}", 0, [1]);
        var tensors = new TinyGguf();
        for (int i = 0; i < 5_000; i++) tensors = tensors.Tensor($"{i:x4}", 24, [0], []);
        var strings = new TinyGguf().Strings("s", [.. Enumerable.Repeat("x", 50_000)]);

        foreach ((string what,
            byte[] bytes) in new[] { ("entries", entries.ToArray()), ("tensors", tensors.ToArray()), ("strings", strings.ToArray()) })
        {
            Bounded(what, bytes, GgufBytesPerByte, () => GgufReader.Read(bytes, "dense.gguf").Metadata.Count);
        }
    }

    [Fact]
    public void Safetensors_TakesMemoryInProportion_WhenFilesAreDense()
    {
        foreach ((string what, string json) in new[]
        {
            ("tensors",
                "{" + string.Join(',',
                    Enumerable.Range(0, 20_000).Select(i => $"\"{i:x}\":{{\"dtype\":\"I8\",\"shape\":[],\"data_offsets\":[{i},{i + 1}]}}"))
                    + "}"),
            ("metadata", "{\"__metadata__\":{" + string.Join(',', Enumerable.Range(0, 20_000).Select(i => $"\"{i:x}\":\"\"")) + "}}"),
            ("shapes",
                "{\"a\":{\"dtype\":\"I8\",\"shape\":[" + string.Join(',', Enumerable.Repeat('1', 100_000)) + "],\"data_offsets\":[0,1]}}"),
            ("offsets",
                "{\"a\":{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[" + string.Join(',', Enumerable.Repeat('0', 100_000)) + "]}}"),
            ("nonsense", "{\"a\":" + new string('x', 200_000)),
        })
        {
            byte[] header = System.Text.Encoding.UTF8.GetBytes(json);
            byte[] bytes = [.. BitConverter.GetBytes((ulong)header.Length), .. header, .. new byte[what == "tensors" ? 20_000 : 0]];
            Bounded(what, bytes, SafetensorsBytesPerByte, () => SafetensorsHeader.Read(bytes, "dense.safetensors").Tensors.Length);
        }
    }

    private static void Bounded(string what, byte[] bytes, int bytesPerByte, Func<int> read)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        Exception? thrown = null;
        try
        {
            Assert.True(read() >= 0);
        }
        catch (ModelFormatException e)
        {
            thrown = e;
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated <= FixedBytes + ((long)bytesPerByte * bytes.Length),
            $"{what}: {allocated} bytes allocated for a file of {bytes.Length}: {(double)allocated / bytes.Length:F1} each; "
                + $"{thrown?.Message}");
    }

    private static void Run((byte[] Bytes, int Header)[] files, int bytesPerByte, Func<byte[], int> read)
    {
        var mutator = new HeaderMutator(20_250_711);
        int accepted = 0, refused = 0;
        for (int i = 0; i < s_mutations; i++)
        {
            (byte[] original, int header) = files[i % files.Length];
            byte[] bytes = mutator.Mutate(original, header);
            long before = GC.GetAllocatedBytesForCurrentThread();
            Exception? e = null;
            try
            {
                Assert.True(read(bytes) >= 0);
                accepted++;
            }
            catch (Exception thrown)
            {
                e = thrown;
                refused++;
            }

            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            if (e is not (null or ModelFormatException or UnsupportedException)) Assert.Fail($"mutation {i}: {e}");
            if (allocated > FixedBytes + ((long)bytesPerByte * bytes.Length))
                Assert.Fail($"mutation {i}: {allocated} bytes allocated for a file of {bytes.Length}");
        }

        // A mutator that changes nothing that matters, or everything at once, would test nothing.
        Assert.True(refused > s_mutations / 4, $"{refused} of {s_mutations} were refused");
        Assert.True(accepted > s_mutations / 1000, $"{accepted} of {s_mutations} were accepted");
    }

    /// <summary>A table like a model's: some hundred tensors, long arrays of strings.</summary>
    private static byte[] LargeGguf()
    {
        TinyGguf file = new TinyGguf()
            .Text("general.architecture", "llama")
            .UInt32("llama.block_count", 12)
            .Strings("tokenizer.ggml.tokens", [.. Enumerable.Range(0, 60).Select(i => $"token{i}")])
            .Array("tokenizer.ggml.scores", 6, 60, new byte[240]);
        for (int i = 0; i < 24; i++)
            file = file.Tensor($"blk.{i}.attn_q.weight", (uint)(i % 3 == 0 ? 8 : 2), [32, 1], new byte[i % 3 == 0 ? 34 : 18]);
        return file.ToArray();
    }
}
