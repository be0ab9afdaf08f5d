using System.Collections.Immutable;
using QuantBench.Models.Architectures;

namespace QuantBench.Models.Synthesis;

/// <summary>Shapes of real models, from their published configurations, and a tiny one. A new one is a line here.</summary>
public static class SyntheticShapes
{
    /// <summary>All shapes.</summary>
    public static ImmutableArray<SyntheticShape> All { get; } =
    [
        // No real model: for trying a suite out in seconds.
        new()
        {
            Name = "tiny", Architecture = "llama", Layers = 2, Embedding = 256, FeedForward = 512, Heads = 4, KvHeads = 2, Vocabulary = 512,
            ContextLength = 512,
        },
        new()
        {
            Name = "llama-3.2-1b", Architecture = "llama", Layers = 16, Embedding = 2048, FeedForward = 8192, Heads = 32, KvHeads = 8,
            Vocabulary = 128_256, ContextLength = 131_072, RopeBase = 500_000, HasRopeFactors = true,
        },
        new()
        {
            Name = "llama-3.2-3b", Architecture = "llama", Layers = 28, Embedding = 3072, FeedForward = 8192, Heads = 24, KvHeads = 8,
            Vocabulary = 128_256, ContextLength = 131_072, RopeBase = 500_000, HasRopeFactors = true,
        },
        new()
        {
            Name = "llama-3.1-8b", Architecture = "llama", Layers = 32, Embedding = 4096, FeedForward = 14_336, Heads = 32, KvHeads = 8,
            Vocabulary = 128_256, ContextLength = 131_072, RopeBase = 500_000, HasRopeFactors = true, TiesEmbeddings = false,
        },
        new()
        {
            Name = "mistral-7b", Architecture = "llama", Layers = 32, Embedding = 4096, FeedForward = 14_336, Heads = 32, KvHeads = 8,
            Vocabulary = 32_768, ContextLength = 32_768, RopeBase = 1_000_000, TiesEmbeddings = false,
        },
        new()
        {
            Name = "smollm2-135m", Architecture = "llama", Layers = 30, Embedding = 576, FeedForward = 1536, Heads = 9, KvHeads = 3,
            Vocabulary = 49_152, ContextLength = 8192, RopeBase = 100_000,
        },
        new()
        {
            Name = "smollm2-360m", Architecture = "llama", Layers = 32, Embedding = 960, FeedForward = 2560, Heads = 15, KvHeads = 5,
            Vocabulary = 49_152, ContextLength = 8192, RopeBase = 100_000,
        },
        new()
        {
            Name = "granite-3.1-2b", Architecture = "granite", Layers = 40, Embedding = 2048, FeedForward = 8192, Heads = 32, KvHeads = 8,
            Vocabulary = 49_155, ContextLength = 131_072, RopeBase = 5_000_000,
        },
        new()
        {
            Name = "granite-3.1-1b-a400m", Architecture = "granitemoe", Layers = 24, Embedding = 1024, FeedForward = 512, Heads = 16,
            KvHeads = 8, Vocabulary = 49_155, ContextLength = 131_072, RopeBase = 1_500_000, Experts = 32, ExpertsUsed = 8,
        },
        new()
        {
            Name = "olmo-2-1b", Architecture = "olmo2", Layers = 16, Embedding = 2048, FeedForward = 8192, Heads = 16, KvHeads = 16,
            Vocabulary = 100_352, RopeBase = 500_000, TiesEmbeddings = false,
        },
        new()
        {
            Name = "qwen2.5-0.5b", Architecture = "qwen2", Layers = 24, Embedding = 896, FeedForward = 4864, Heads = 14, KvHeads = 2,
            Vocabulary = 151_936, ContextLength = 32_768, RopeBase = 1_000_000,
        },
        new()
        {
            Name = "qwen2.5-1.5b", Architecture = "qwen2", Layers = 28, Embedding = 1536, FeedForward = 8960, Heads = 12, KvHeads = 2,
            Vocabulary = 151_936, ContextLength = 32_768, RopeBase = 1_000_000,
        },
        new()
        {
            Name = "qwen3-0.6b", Architecture = "qwen3", Layers = 28, Embedding = 1024, FeedForward = 3072, Heads = 16, KvHeads = 8,
            HeadWidth = 128,
            Vocabulary = 151_936, ContextLength = 40_960, RopeBase = 1_000_000,
        },
        new()
        {
            Name = "mixtral-8x7b", Architecture = "llama", Layers = 32, Embedding = 4096, FeedForward = 14_336, Heads = 32, KvHeads = 8,
            Vocabulary = 32_000, ContextLength = 32_768, RopeBase = 1_000_000, TiesEmbeddings = false, Experts = 8, ExpertsUsed = 2,
        },
        new()
        {
            Name = "qwen1.5-moe-a2.7b", Architecture = "qwen2moe", Layers = 24, Embedding = 2048, FeedForward = 5632, Heads = 16,
            KvHeads = 16, Vocabulary = 151_936, ContextLength = 8192, RopeBase = 1_000_000, TiesEmbeddings = false, Experts = 60,
            ExpertsUsed = 4, ExpertFeedForward = 1408, SharedFeedForward = 5632,
        },
        new()
        {
            Name = "qwen3-30b-a3b", Architecture = "qwen3moe", Layers = 48, Embedding = 2048, FeedForward = 6144, Heads = 32, KvHeads = 4,
            HeadWidth = 128, Vocabulary = 151_936, ContextLength = 40_960, RopeBase = 1_000_000, TiesEmbeddings = false, Experts = 128,
            ExpertsUsed = 8, ExpertFeedForward = 768,
        },
        new()
        {
            Name = "olmoe-1b-7b", Architecture = "olmoe", Layers = 16, Embedding = 2048, FeedForward = 1024, Heads = 16, KvHeads = 16,
            Vocabulary = 50_304, TiesEmbeddings = false, Experts = 64, ExpertsUsed = 8,
        },
        new()
        {
            Name = "gpt-oss-20b", Architecture = "gpt-oss", Layers = 24, Embedding = 2880, FeedForward = 2880, Heads = 64, KvHeads = 8,
            HeadWidth = 64, Vocabulary = 201_088, ContextLength = 131_072, RopeBase = 150_000, RopeScaling = ("yarn", 32), Window = 128,
            TiesEmbeddings = false, Experts = 32, ExpertsUsed = 4,
        },
        new()
        {
            Name = "phi-3-mini", Architecture = "phi3", Layers = 32, Embedding = 3072, FeedForward = 8192, Heads = 32, KvHeads = 32,
            Vocabulary = 32_064, ContextLength = 4096, TiesEmbeddings = false,
        },
        new()
        {
            Name = "gemma-2-2b", Architecture = "gemma2", Layers = 26, Embedding = 2304, FeedForward = 9216, Heads = 8, KvHeads = 4,
            HeadWidth = 256,
            Vocabulary = 256_000, ContextLength = 8192, Window = 4096,
        },
        new()
        {
            Name = "gemma-3-1b", Architecture = "gemma3", Layers = 26, Embedding = 1152, FeedForward = 6912, Heads = 4, KvHeads = 1,
            HeadWidth = 256,
            Vocabulary = 262_144, ContextLength = 32_768, RopeBase = 1_000_000, Window = 512,
        },
        new()
        {
            Name = "mistral-nemo-12b", Architecture = "llama", Layers = 40, Embedding = 5120, FeedForward = 14_336, Heads = 32, KvHeads = 8,
            HeadWidth = 128, Vocabulary = 131_072, ContextLength = 131_072, RopeBase = 1_000_000, TiesEmbeddings = false,
        },
        new()
        {
            Name = "mistral-small-24b", Architecture = "llama", Layers = 40, Embedding = 5120, FeedForward = 32_768, Heads = 32,
            KvHeads = 8, HeadWidth = 128, Vocabulary = 131_072, ContextLength = 32_768, RopeBase = 100_000_000, TiesEmbeddings = false,
        },
        new()
        {
            Name = "falcon3-7b", Architecture = "llama", Layers = 28, Embedding = 3072, FeedForward = 23_040, Heads = 12, KvHeads = 4,
            HeadWidth = 256, Vocabulary = 131_072, ContextLength = 32_768, RopeBase = 1_000_042, TiesEmbeddings = false,
        },
        new()
        {
            Name = "smollm3-3b", Architecture = "smollm3", Layers = 36, Embedding = 2048, FeedForward = 11_008, Heads = 16, KvHeads = 4,
            Vocabulary = 128_256, ContextLength = 65_536, RopeBase = 5_000_000,
        },
        new()
        {
            Name = "phi-4", Architecture = "phi3", Layers = 40, Embedding = 5120, FeedForward = 17_920, Heads = 40, KvHeads = 10,
            Vocabulary = 100_352, ContextLength = 16_384, RopeBase = 250_000, TiesEmbeddings = false,
        },
        new()
        {
            Name = "gemma-3-4b", Architecture = "gemma3", Layers = 34, Embedding = 2560, FeedForward = 10_240, Heads = 8, KvHeads = 4,
            HeadWidth = 256, Vocabulary = 262_144, ContextLength = 131_072, RopeBase = 1_000_000, RopeScaling = ("linear", 8),
            Window = 1024,
        },
        new()
        {
            Name = "olmo-3-7b", Architecture = "olmo2", Layers = 32, Embedding = 4096, FeedForward = 11_008, Heads = 32, KvHeads = 32,
            Vocabulary = 100_278, ContextLength = 65_536, RopeBase = 500_000, RopeScaling = ("yarn", 8), Window = 4096,
            TiesEmbeddings = false,
        },
        new()
        {
            Name = "glm-4-9b", Architecture = "glm4", Layers = 40, Embedding = 4096, FeedForward = 13_696, Heads = 32, KvHeads = 2,
            Vocabulary = 151_552, ContextLength = 32_768, TiesEmbeddings = false,
        },
        new()
        {
            Name = "command-r-35b", Architecture = "command-r", Layers = 40, Embedding = 8192, FeedForward = 22_528, Heads = 64,
            KvHeads = 64, Vocabulary = 256_000, ContextLength = 131_072, RopeBase = 8_000_000,
        },
        new()
        {
            Name = "command-r7b", Architecture = "cohere2", Layers = 32, Embedding = 4096, FeedForward = 14_336, Heads = 32, KvHeads = 8,
            Vocabulary = 256_000, ContextLength = 132_096, RopeBase = 50_000, Window = 4096,
        },
        new()
        {
            Name = "starcoder2-3b", Architecture = "starcoder2", Layers = 30, Embedding = 3072, FeedForward = 12_288, Heads = 24,
            KvHeads = 2, Vocabulary = 49_152, ContextLength = 16_384, RopeBase = 999_999.44f,
        },
        new()
        {
            Name = "nemotron-mini-4b", Architecture = "nemotron", Layers = 32, Embedding = 3072, FeedForward = 9216, Heads = 24,
            KvHeads = 8, Vocabulary = 256_000, TiesEmbeddings = false,
        },
        new()
        {
            Name = "exaone-3.5-2.4b", Architecture = "exaone", Layers = 30, Embedding = 2560, FeedForward = 7168, Heads = 32, KvHeads = 8,
            Vocabulary = 102_400, ContextLength = 32_768, RopeBase = 1_000_000, HasRopeFactors = true,
        },
        new()
        {
            Name = "exaone-4.0-1.2b", Architecture = "exaone4", Layers = 30, Embedding = 2048, FeedForward = 4096, Heads = 32, KvHeads = 8,
            Vocabulary = 102_400, ContextLength = 65_536, RopeBase = 1_000_000, HasRopeFactors = true,
        },
        new()
        {
            Name = "deepseek-v2-lite", Architecture = "deepseek-v2", Layers = 27, Embedding = 2048, FeedForward = 10_944, Heads = 16,
            KvHeads = 16, Latent = new(0, 512, 128, 64, 128), Experts = 64, ExpertsUsed = 6, ExpertFeedForward = 1408,
            SharedFeedForward = 2 * 1408, LeadingDense = 1, Vocabulary = 102_400, ContextLength = 163_840, RopeScaling = ("yarn", 40),
            TiesEmbeddings = false,
        },
        new()
        {
            Name = "moonlight-16b-a3b", Architecture = "deepseek2", Layers = 27, Embedding = 2048, FeedForward = 11_264, Heads = 16,
            KvHeads = 16, Latent = new(0, 512, 128, 64, 128), Experts = 64, ExpertsUsed = 6, ExpertFeedForward = 1408,
            SharedFeedForward = 2 * 1408, LeadingDense = 1,
            Routing = new(ExpertWeights.Normalised) { IsLogistic = true, Scale = 2.446f }, Vocabulary = 163_840, ContextLength = 8192,
            RopeBase = 50_000, TiesEmbeddings = false,
        },
    ];

    /// <summary>The shape of a name, or null.</summary>
    public static SyntheticShape? Find(string name) => All.FirstOrDefault(shape => shape.Name == name);
}
