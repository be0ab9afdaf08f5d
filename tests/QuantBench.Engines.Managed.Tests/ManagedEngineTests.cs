using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Engines;
using QuantBench.Models.Synthesis;

namespace QuantBench.Engines.Managed.Tests;

public sealed class ManagedEngineTests
{
    [Fact]
    public void Devices_NameEveryInstructionSet_SupportedOrNot()
    {
        using var engine = new ManagedEngine();

        Assert.Equal(["scalar", "neon", "avx2", "avx512"], engine.Devices().Select(device => device.Id));
        Assert.All(engine.Devices(), device => Assert.Equal(device.Support.IsSupported, Models.Devices.Contains(device.Id)));
    }

    [Theory]
    [InlineData("mamba", null, "architecture 'mamba'")]
    [InlineData("jamba", null, "architecture 'jamba'")]
    [InlineData("granitehybrid", null, "architecture 'granitehybrid'")]
    [InlineData("qwen3next", null, "architecture 'qwen3next'")]
    [InlineData("lfm2", null, "architecture 'lfm2'")]
    [InlineData("deepseek4", null, "architecture 'deepseek4'")]
    [InlineData("gemma3n", null, "architecture 'gemma3n'")]
    [InlineData("glm4", "nextn_predict_layers", "nextn_predict_layers")]
    [InlineData("llama", "attention.temperature_scale", "'llama.attention.temperature_scale' (8)")]
    [InlineData("qwen2", "rope.scaling.yarn_log_multiplier", "'qwen2.rope.scaling.yarn_log_multiplier' (8)")]
    [InlineData("qwen2", "expert_count", "mixture-of-experts")]
    [InlineData("llama", "expert_count;expert_group_count", "'llama.expert_group_count' of 8")]
    public void CanRun_NamesTheMissingFeature(string architecture, string? key, string reason)
    {
        string path = Models.ScratchFile($"{architecture}-{key}.gguf");
        var metadata = new GgufMetadata(path) { { GgufConstants.Architecture, architecture } };
        foreach (string name in key?.Split(';') ?? []) metadata.Add($"{architecture}.{name}", 8u);
        using (var writer = new GgufWriter(File.Create(path), metadata, [])) writer.Complete();
        using var engine = new ManagedEngine();

        Support support = engine.CanRun(Models.Artifact(path), "scalar");

        Assert.Contains(reason, support.Reason);
        Assert.Throws<UnsupportedException>(() =>
            engine.Load(Models.Artifact(path), "scalar", new LoadOptions { Threads = 1 }, CancellationToken.None));
    }

    [Fact]
    public void Load_NamesTheTensor_WhenOneIsMissing()
    {
        string path = Models.ScratchFile("empty.gguf");
        using (GgufReader file = GgufReader.Open(Models.Path(Models.Llama, "F32")))
        {
            using var writer = new GgufWriter(File.Create(path), file.Metadata, []);
            writer.Complete();
        }

        using var engine = new ManagedEngine();
        ModelFormatException thrown = Assert.Throws<ModelFormatException>(
            () => engine.Load(Models.Artifact(path), "scalar", new LoadOptions { Threads = 1 }, CancellationToken.None));
        Assert.Contains("token_embd.weight", thrown.Message);
    }

    [Fact]
    public void CreateSession_RefusesUnknownCacheTypes()
    {
        using ILoadedModel model = Models.Load(Models.Path(Models.Llama, "F32"), "scalar");

        UnsupportedException thrown = Assert.Throws<UnsupportedException>(() => Models.Session(model, kvType: "iq4_nl"));

        Assert.Contains("iq4_nl", thrown.Message);
        Assert.Equal("Set kv_type to f32, f16, q8_0, q5_1, q5_0, q4_1 or q4_0.", thrown.Hint);
    }

    [Theory]
    [InlineData("iq4_nl")]
    [InlineData("q4_0")]
    [InlineData("q8_0")]
    public void CreateSession_HintsAtCacheTypesThatFitTheHeads(string kvType)
    {
        SyntheticShape narrow = Models.Llama with { Name = "tiny-narrow", Embedding = 160, FeedForward = 320 }; // heads of 20
        using ILoadedModel model = Models.Load(Models.Path(narrow, "F32"), Models.Devices[0]);

        string hint = Assert.Throws<UnsupportedException>(() => Models.Session(model, kvType: kvType)).Hint ?? "";

        Assert.DoesNotContain("q8_0", hint, StringComparison.Ordinal);
        using IInferenceSession session = Models.Session(model, kvType: "f16");
        Assert.Contains("f16", hint, StringComparison.Ordinal);
    }
}
