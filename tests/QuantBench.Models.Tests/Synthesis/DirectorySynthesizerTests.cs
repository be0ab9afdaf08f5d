using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Formats.Tokenizers;
using QuantBench.Models.Architectures;
using QuantBench.Models.Directories;
using QuantBench.Models.Sources;
using QuantBench.Models.Synthesis;
using QuantBench.Models.Weights;
using QuantBench.TestKit;

namespace QuantBench.Models.Tests.Synthesis;

public sealed class DirectorySynthesizerTests : IDisposable
{
    private static readonly SyntheticShape s_tiny = SyntheticShapes.Find("tiny") ?? throw new InvalidOperationException();

    private readonly TemporaryDirectory _folder = new();

    public static TheoryData<string> Variants => [.. DirectorySynthesizer.Variants];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Variants))]
    public void Write_GivesTheVariantItSays_WithWeightsOfTheRightSizeAndSpread(string variant)
    {
        string directory = Write(variant, s_tiny, 1);

        using DirectoryModel model = DirectoryModel.Open(directory);
        Assert.Equal(variant.StartsWith("safetensors", StringComparison.Ordinal) ? null : variant, DirectoryVariant.Quantized(directory));
        Assert.True(SyntheticMark.IsOn(variant.Split(':')[0], directory));
        // 512 · 256 tied embeddings, two layers of q, o, k, v, gate, up, down, five norms.
        Assert.Equal((512 * 256) + (2 * ((2 * 256 * 256) + (2 * 256 * 128) + (3 * 256 * 512))) + (5 * 256), model.ParameterCount);
        (double mean, double deviation) = Moments(model.Matrix("blk.1.ffn_down"));
        // Symmetric codes have one level more below zero than above it.
        int bits = variant[0] is 'g' or 'a' ? variant[variant.IndexOf(':') + 1] - '0' : 0;
        double lean = bits > 0 ? -0.5 / Math.Sqrt(((1 << (2 * bits)) - 1) / 12.0) : 0;
        Assert.InRange((mean * Math.Sqrt(512)) - lean, -0.02, 0.02);
        Assert.InRange(deviation * Math.Sqrt(512), 0.95, 1.05);
    }

    [Theory]
    [InlineData("mlx:3bit-g64")]
    [InlineData("safetensors:BF16")]
    public void Write_GivesTheSameBytes_ForTheSameSeedOnly(string variant)
    {
        byte[] first = File.ReadAllBytes(Path.Combine(Write(variant, s_tiny, 1), "model.safetensors"));
        byte[] second = File.ReadAllBytes(Path.Combine(Write(variant, s_tiny, 1), "model.safetensors"));
        byte[] other = File.ReadAllBytes(Path.Combine(Write(variant, s_tiny, 2), "model.safetensors"));

        Assert.True(first.AsSpan().SequenceEqual(second));
        Assert.False(first.AsSpan().SequenceEqual(other));
    }

    // Every architecture's modules, biases, norms and settings, at a size that takes no time.
    [Fact]
    public void Write_GivesDirectoriesThatAreRead_ForEveryShape()
    {
        foreach (SyntheticShape real in SyntheticShapes.All)
        {
            SyntheticShape small = real
                with
            {
                Layers = 7,
                Embedding = 64 * real.Heads / real.KvHeads,
                FeedForward = 128,
                Heads = 2 * real.Heads / real.KvHeads,
                KvHeads = 2,
                HeadWidth = 32,
                Vocabulary = 300,
                Experts = Math.Min(real.Experts, 5),
                ExpertsUsed = Math.Min(real.ExpertsUsed, 2),
                ExpertFeedForward = Math.Min(real.ExpertFeedForward, 64),
                SharedFeedForward = Math.Min(real.SharedFeedForward, real.Latent is null ? 96 : 2 * 64), // whole experts together
            };
            string directory = Write("safetensors:BF16", small, 1);

            using DirectoryModel model = DirectoryModel.Open(directory);
            ModelSource source = ModelSource.Open(directory);
            ITextTokenizer tokenizer = ModelSource.OpenTokenizer(source);
            Assert.Equal(real is { Architecture: "llama", Experts: > 0 } ? "mixtral" : real.Architecture,
                model.Metadata.FindString("general.architecture"));
            Assert.True(model.Metadata.FindBoolean(SyntheticMark.Key));
            Assert.Equal([256], tokenizer.Encode("th"));
        }
    }

    [Fact]
    public void Write_Refuses_WhenGroupsDontFitTheShape()
    {
        RequestException thrown =
            Assert.Throws<RequestException>(() => Write("awq:4bit-g128", s_tiny with { Embedding = 320, HeadWidth = 64 }, 1));

        Assert.Contains("which don't fit", thrown.Message);
    }

    private static (double Mean, double Deviation) Moments(IWeightMatrix matrix)
    {
        float[] weights = new float[matrix.Rows * matrix.Columns];
        matrix.ReadRows(0, matrix.Rows, weights);
        double mean = weights.Average(w => (double)w);
        return (mean, Math.Sqrt(weights.Average(w => (w - mean) * (w - mean))));
    }

    private string Write(string variant, SyntheticShape shape, int seed)
    {
        string directory = _folder.Combine(Guid.NewGuid().ToString("N"));
        DirectorySynthesizer.Write(directory, shape, Variant.Parse(variant), seed, CancellationToken.None);
        return directory;
    }
}
