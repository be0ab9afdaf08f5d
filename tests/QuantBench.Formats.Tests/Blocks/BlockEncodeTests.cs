using QuantBench.Formats.Blocks;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Safetensors;
using QuantBench.TestKit;

namespace QuantBench.Formats.Tests.Blocks;

public sealed class BlockEncodeTests
{
    /// <summary>Types whose encoding is a formula, without a search.</summary>
    public static TheoryData<GgmlType> SimpleTypes =>
    [
        GgmlType.F16, GgmlType.BF16, GgmlType.Q4_0, GgmlType.Q4_1, GgmlType.Q5_0, GgmlType.Q5_1, GgmlType.Q8_0, GgmlType.Q8_1,
        GgmlType.Q8_K,
        GgmlType.TQ1_0, GgmlType.TQ2_0, GgmlType.MXFP4, GgmlType.NVFP4, GgmlType.Q1_0, GgmlType.Q2_0,
    ];

    /// <summary>Types whose scales are searched for; ours differ from ggml's.</summary>
    public static TheoryData<GgmlType> SearchedTypes =>
    [
        GgmlType.Q2_K, GgmlType.Q3_K, GgmlType.Q4_K, GgmlType.Q5_K, GgmlType.Q6_K, GgmlType.IQ4_NL, GgmlType.IQ4_XS,
    ];

    [NpmTheory(NpmPackage.LlamaCpp)]
    [MemberData(nameof(SimpleTypes))]
    public void Quantize_GivesTheBytesOfGgml(GgmlType type)
    {
        foreach (float[] values in Data(seed: 7 + (int)type)) AssertSameBytes(type, values);
    }

    [NpmTheory(NpmPackage.LlamaCpp)]
    [InlineData(GgmlType.F16)]
    [InlineData(GgmlType.BF16)]
    public void Quantize_RoundsHalvesAsGgml_AtEveryBoundary(GgmlType type)
    {
        // All upper 16 bits with lower bits around the ties of both types: subnormals, infinities and NaN are among them.
        uint[] lows = [0, 1, 0x0FFF, 0x1000, 0x1001, 0x7FFF, 0x8000, 0x8001, 0xFFFF];
        float[] values = [
            .. Enumerable.Range(0, 65536).SelectMany(high => lows.Select(low => BitConverter.UInt32BitsToSingle((uint)high << 16 | low)))];

        AssertSameBytes(type, values);
    }

    [NpmTheory(NpmPackage.LlamaCpp)]
    [MemberData(nameof(SearchedTypes))]
    public void Quantize_IsAsCloseAsGgml(GgmlType type)
    {
        foreach (float[] values in Data(seed: 7 + (int)type))
        {
            double ours = SquaredError(values, Ours(type, values), type);
            double theirs = SquaredError(values, Theirs(type, values), type);

            Assert.True(Math.Sqrt(ours) <= 1.05 * Math.Sqrt(theirs), $"{type}: {Math.Sqrt(ours / theirs):F4} of ggml's error");
        }
    }

    /// <summary>The reference model's matrices of its first and last layer and a part of its embedding.</summary>
    [NpmTheory(NpmPackage.LlamaCpp)]
    [MemberData(nameof(SearchedTypes))]
    public void Quantize_IsAsCloseAsGgml_OnTheReferenceModel(GgmlType type)
    {
        using SafetensorsModel model = SafetensorsModel.Open(ReferenceModel.Directory);
        string[] parts = [".0.", ".5.", "embed"];
        foreach (SafetensorsTensorInfo tensor in model.Tensors.Values.Where(t => t.Shape.Length == 2 && parts.Any(t.Name.Contains)))
        {
            float[] values = new float[Math.Min(tensor.ElementCount, 256 * 256)];
            GgmlTypes.Codec(GgmlType.BF16).Dequantize(model.Span(tensor, 0, 2 * values.Length), values);
            double ours = SquaredError(values, Ours(type, values), type);
            double theirs = SquaredError(values, Theirs(type, values), type);

            Assert.True(Math.Sqrt(ours) <= 1.05 * Math.Sqrt(theirs),
                $"{type}, {tensor.Name}: {Math.Sqrt(ours / theirs):F4} of ggml's error");
        }
    }

    /// <summary>Normal, wide-tailed, shifted, tiny, large and sparse values; constant blocks; an outlier in each block.</summary>
    private static IEnumerable<float[]> Data(int seed)
    {
        const int Count = 256 * 64;
        yield return NormalSamples.Of(Count, seed);
        yield return NormalSamples.Of(Count, seed + 1, sigma: 0.02);
        yield return [.. NormalSamples.Of(Count, seed + 2).Select(v => v * v * v)];
        yield return [.. NormalSamples.Of(Count, seed + 3).Select(v => v + 3)];
        yield return [.. NormalSamples.Of(Count, seed + 4).Select(v => v - 3)];
        yield return [.. NormalSamples.Of(Count, seed + 5).Select((v, i) => i % 5 == 0 ? v : 0)];
        yield return [.. NormalSamples.Of(Count, seed + 6).Select((v, i) => i % 32 == 7 ? 20 * v : v)];
        yield return [.. Enumerable.Range(0, Count).Select(i => i / 256 % 2 == 0 ? 0f : -0.75f)];
        yield return [.. Enumerable.Range(0, Count).Select(i => (i % 37 - 18) / 16f)];
    }

    private static void AssertSameBytes(GgmlType type, float[] values)
    {
        byte[] expected = Theirs(type, values);
        byte[] actual = Ours(type, values);

        int size = GgmlTypes.Codec(type).BlockBytes;
        int at = expected.AsSpan().CommonPrefixLength(actual);
        Assert.True(at == expected.Length, $"{type}: block {at / size}, byte {at % size}");
    }

    private static byte[] Ours(GgmlType type, float[] values)
    {
        IBlockCodec codec = GgmlTypes.Codec(type);
        byte[] blocks = new byte[values.Length / codec.BlockElements * codec.BlockBytes];
        codec.Quantize(values, blocks);
        return blocks;
    }

    private static byte[] Theirs(GgmlType type, float[] values)
    {
        IBlockCodec codec = GgmlTypes.Codec(type);
        byte[] blocks = new byte[values.Length / codec.BlockElements * codec.BlockBytes];
        NativeGgml.Quantize(type, values, blocks);
        return blocks;
    }

    private static double SquaredError(float[] values, byte[] blocks, GgmlType type)
    {
        float[] decoded = new float[values.Length];
        GgmlTypes.Codec(type).Dequantize(blocks, decoded);
        return values.Zip(decoded, (x, y) => ((double)x - y) * ((double)x - y)).Sum();
    }
}
