using System.Text.Json.Nodes;
using QuantBench.Engines.OnnxRuntime.Export;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Conversion;
using QuantBench.Models.Decoders;
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

    public void Dispose() => _directory.Dispose();

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
