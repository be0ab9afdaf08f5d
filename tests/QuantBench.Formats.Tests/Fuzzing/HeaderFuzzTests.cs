using System.Globalization;
using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Safetensors;
using QuantBench.TestKit;

namespace QuantBench.Formats.Tests.Fuzzing;

/// <summary>
/// 100,000 mutated headers and tensor tables of each format (another number: QUANTBENCH_FUZZ_MUTATIONS), always the same ones: the reader gives a header or
/// raises the format's own exception, and takes little more memory than the file has bytes. A crash or hang ends the test run.
/// </summary>
public sealed class HeaderFuzzTests
{
    // What an object for each of a file's smallest entries costs, many times over, and what a message and a stack trace do.
    private const int BytesPerByte = 64;
    private const int FixedBytes = 64 << 10;

    private static readonly int s_mutations = int.Parse(
        Environment.GetEnvironmentVariable("QUANTBENCH_FUZZ_MUTATIONS") ?? "100000", NumberStyles.None, CultureInfo.InvariantCulture);

    [Fact]
    public void Gguf_RaisesOnlyFormatErrors_WhenHeadersAreMutated()
    {
        byte[] tiny = TinyGguf.Build();
        byte[] large = LargeGguf();

        Run([(tiny, tiny.Length), (large, large.Length)], bytes => GgufReader.Read(bytes, "fuzzed.gguf").Tensors.Length);
    }

    [Fact]
    public void Safetensors_RaisesOnlyFormatErrors_WhenHeadersAreMutated()
    {
        byte[] tiny = TinySafetensors.Build();
        byte[] large = TinyModel.Weights().ToArray();
        int headerBytes = 8 + (int)BitConverter.ToUInt64(large);

        // The data is cut off and the header's length kept, so that mutations hit the table; what a whole table needs is the tiny file's part.
        Run([(tiny, tiny.Length), (large[..(headerBytes + 64)], headerBytes)], bytes => SafetensorsHeader.Read(bytes, "fuzzed.safetensors").Tensors.Length);
    }

    private static void Run((byte[] Bytes, int Header)[] files, Func<byte[], int> read)
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
            if (e is not (null or ModelFormatException)) Assert.Fail($"mutation {i}: {e}");
            if (allocated > FixedBytes + ((long)BytesPerByte * bytes.Length)) Assert.Fail($"mutation {i}: {allocated} bytes allocated for a file of {bytes.Length}");
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
        for (int i = 0; i < 24; i++) file = file.Tensor($"blk.{i}.attn_q.weight", (uint)(i % 3 == 0 ? 8 : 2), [32, 1], new byte[i % 3 == 0 ? 34 : 18]);
        return file.ToArray();
    }
}
