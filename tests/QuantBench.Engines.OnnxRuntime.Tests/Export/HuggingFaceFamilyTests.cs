using System.Text.Json.Nodes;
using QuantBench.Engines.OnnxRuntime.Export;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Conversion;
using QuantBench.Models.Decoders;
using QuantBench.Models.Synthesis;
using QuantBench.TestKit;

namespace QuantBench.Engines.OnnxRuntime.Tests.Export;

/// <summary>Hugging Face directories of each family, exported, against the managed engine on the same directory converted to
/// GGUF.</summary>
public sealed class HuggingFaceFamilyTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    [Theory]
    [InlineData("LlamaForCausalLM", "fp32")]
    [InlineData("MistralForCausalLM", "fp32")]
    [InlineData("Qwen2ForCausalLM", "fp32")]
    [InlineData("Qwen3ForCausalLM", "fp32")]
    [InlineData("Qwen3ForCausalLM", "fp32-plain")]
    public void Logits_EqualTheManagedEngines(string architecture, string recipe)
    {
        string source = TinyModel.Write(_directory.Combine("model"), change: c =>
        {
            c["architectures"] = new JsonArray(architecture);
            c["tie_word_embeddings"] = architecture != "MistralForCausalLM";
        });
        File.WriteAllBytes(Path.Combine(source, "model.safetensors"), Weights(architecture).ToArray());
        string gguf = _directory.Combine("model.gguf"), onnx = _directory.Combine("onnx");
        HuggingFaceToGguf.Convert(source, gguf, GgmlType.F32, new Progress<double>(), CancellationToken.None);
        using (DecoderWeights weights = DecoderWeights.Open(source))
        {
            DecoderExporter.Export(
                // both are recipes
                weights, ExportRecipes.Find(recipe)!, null, new string('0', 64), onnx, new Progress<double>(), CancellationToken.None);
        }

        int[] tokens = [.. Enumerable.Range(0, 60).Select(i => (i * 29) % TinyModel.VocabularySize)];
        using var decoder = new OrtDecoder(onnx);

        Assert.InRange(Rows.MaxRelative(ManagedLogits.Of(gguf, tokens), decoder.Append(tokens), TinyModel.VocabularySize), 0, 1e-4);
    }

    /// <summary>Random models of the architectures with more than the plain graph: 60 tokens, behind a window of 24.</summary>
    [Theory]
    [InlineData("granite", "fp32")]
    [InlineData("granite", "fp32-plain")]
    [InlineData("smollm3", "fp32")]
    [InlineData("smollm3", "fp32-plain")]
    [InlineData("olmo2", "fp32")]
    [InlineData("olmo2", "fp32-plain")]
    [InlineData("phi3", "fp32")]
    [InlineData("phi3", "fp32-plain")]
    [InlineData("gemma", "fp32")]
    [InlineData("gemma2", "fp32")]
    [InlineData("gemma2", "fp32-plain")]
    [InlineData("gemma3", "fp32")]
    [InlineData("gemma3", "fp32-plain")]
    [InlineData("glm4", "fp32")]
    [InlineData("glm4", "fp32-plain")]
    [InlineData("command-r", "fp32")]
    [InlineData("command-r", "fp32-plain")]
    [InlineData("cohere2", "fp32")]
    [InlineData("cohere2", "fp32-plain")]
    [InlineData("starcoder2", "fp32")]
    [InlineData("starcoder2", "fp32-plain")]
    [InlineData("nemotron", "fp32")]
    [InlineData("nemotron", "fp32-plain")]
    [InlineData("exaone", "fp32")]
    [InlineData("exaone4", "fp32")]
    [InlineData("llama-experts", "fp32")]
    [InlineData("qwen2moe", "fp32")]
    [InlineData("qwen3moe", "fp32")]
    [InlineData("olmoe", "fp32")]
    [InlineData("gpt-oss", "fp32")]
    [InlineData("granitemoe", "fp32")]
    public void Logits_EqualTheManagedEngines_InEveryArchitecture(string name, string recipe)
    {
        (float[] expected, float[] actual, int vocabulary) = Compare(name, recipe, layers: 6);

        Assert.InRange(Rows.MaxRelative(expected, actual, vocabulary), 0, 1e-4);
    }

    /// <summary>Experts in blocks: the middle token's logits are about as near as those of a model without experts. Rounding
    /// sends some tokens to other experts than the floats', and theirs aren't.</summary>
    [Theory]
    [InlineData("qwen2moe", "int8-b32")]
    [InlineData("qwen3moe", "int8-b32")]
    [InlineData("gpt-oss", "int8-b32")]
    [InlineData("qwen3moe", "int4-b32")]
    [InlineData("llama-experts", "int4-b32-asym")]
    public void Logits_StayNearTheManagedEngines_WithQuantizedExperts(string name, string recipe)
    {
        double plain = Middle(Compare("llama", recipe, layers: 1)), experts = Middle(Compare(name, recipe, layers: 1));

        Assert.True(experts <= 3 * plain, $"{experts:E2} with experts, {plain:E2} without");

        static double Middle((float[] Expected, float[] Actual, int Vocabulary) logits)
        {
            int width = logits.Vocabulary;
            return Enumerable.Range(0, logits.Expected.Length / width).Select(row => Rows.MaxRelative(
                logits.Expected.AsSpan(row * width, width), logits.Actual.AsSpan(row * width, width), width)).Order().ElementAt(30);
        }
    }

    [Theory]
    [InlineData("qwen3moe", "fp32-plain", "can't pick experts")]
    [InlineData("qwen3moe", "fp16", "32-bit floats, or blocks")]
    [InlineData("qwen3moe", "int4-b32-down8", "of one format")]
    [InlineData("qwen3moe", "int4-b128", "don't fit blocks of 128")]
    public void Refusal_NamesWhatExpertsNeed(string name, string recipe, string reason)
    {
        string gguf = _directory.Combine("model.gguf");
        ModelSynthesizer.Write(gguf, Shape(name, 1), "F32", 7, CancellationToken.None);
        using DecoderWeights weights = DecoderWeights.Open(gguf);

        Assert.Contains(reason, DecoderExporter.Refusal(weights.Shape, ExportRecipes.Find(recipe)!)); // all are recipes
    }

    public void Dispose() => _directory.Dispose();

    private (float[] Expected, float[] Actual, int Vocabulary) Compare(string name, string recipe, int layers)
    {
        string gguf = _directory.Combine($"{name}.gguf"), onnx = _directory.Combine($"{name}-onnx");
        SyntheticShape shape = Shape(name, layers);
        ModelSynthesizer.Write(gguf, shape, "F32", 7, CancellationToken.None);
        using (DecoderWeights weights = DecoderWeights.Open(gguf))
        {
            DecoderExporter.Export(
                // both are recipes
                weights, ExportRecipes.Find(recipe)!, null, new string('0', 64), onnx, new Progress<double>(), CancellationToken.None);
        }

        int[] tokens = [.. Enumerable.Range(0, 60).Select(i => (i * 29) % shape.Vocabulary)];
        using var decoder = new OrtDecoder(onnx);
        return (ManagedLogits.Of(gguf, tokens), decoder.Append(tokens), shape.Vocabulary);
    }

    private static SyntheticShape Shape(string name, int layers)
    {
        string architecture = name == "llama-experts" ? "llama" : name;
        bool hasExperts = name is "llama-experts" or "qwen2moe" or "qwen3moe" or "olmoe" or "gpt-oss" or "granitemoe";
        return new SyntheticShape
        {
            Name = architecture,
            Architecture = architecture,
            Layers = layers,
            Embedding = 128,
            FeedForward = 192,
            Heads = 4,
            KvHeads = 2,
            HeadWidth = 32,
            Vocabulary = 320,
            ContextLength = 256,
            Experts = hasExperts ? 8 : 0,
            ExpertsUsed = hasExperts ? 3 : 0,
            ExpertFeedForward = !hasExperts ? 0 : name is "qwen2moe" or "qwen3moe" or "gpt-oss" ? 96 : 192,
            SharedFeedForward = name == "qwen2moe" ? 160 : 0,
            TiesEmbeddings = architecture is not ("olmo2" or "nemotron" or "qwen2moe" or "olmoe" or "gpt-oss"),
            RopeScaling = architecture == "olmo2" ? ("yarn", 4) : null,
            Window = architecture is "olmo2" or "gemma2" or "gemma3" or "cohere2" or "gpt-oss" ? 24 : 0,
        };
    }

    private static TinySafetensors Weights(string architecture)
    {
        var random = new Random(11);
        TinySafetensors file = TinyModel.Weights();
        if (architecture == "MistralForCausalLM") Add("lm_head.weight", [TinyModel.VocabularySize, TinyModel.HiddenSize], 0);
        for (int layer = 0; layer < TinyModel.LayerCount; layer++)
        {
            string prefix = $"model.layers.{layer}.self_attn";
            switch (architecture)
            {
                case "Qwen2ForCausalLM":
                    Add($"{prefix}.q_proj.bias", [TinyModel.HeadCount * TinyModel.HeadSize], 0);
                    Add($"{prefix}.k_proj.bias", [TinyModel.KeyValueHeadCount * TinyModel.HeadSize], 0);
                    Add($"{prefix}.v_proj.bias", [TinyModel.KeyValueHeadCount * TinyModel.HeadSize], 0);
                    break;
                case "Qwen3ForCausalLM":
                    Add($"{prefix}.q_norm.weight", [TinyModel.HeadSize], 1);
                    Add($"{prefix}.k_norm.weight", [TinyModel.HeadSize], 1);
                    break;
                default:
                    break;
            }
        }

        return file;

        void Add(string name, long[] shape, float middle)
        {
            byte[] bytes = [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (a, b) => a * b))
                .SelectMany(_ => BitConverter.GetBytes(middle + (float)(random.NextDouble() - 0.5)))];
            file.Tensor(name, "F32", shape, bytes);
        }
    }
}
