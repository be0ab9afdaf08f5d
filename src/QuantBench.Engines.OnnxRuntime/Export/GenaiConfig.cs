using System.Text.Json;
using System.Text.Json.Nodes;
using QuantBench.Core.Errors;
using QuantBench.Engines.OnnxRuntime.Models;
using QuantBench.Formats.Onnx;
using QuantBench.Models.Decoders;
using QuantBench.Models.Graphs;

namespace QuantBench.Engines.OnnxRuntime.Export;

/// <summary>Writes <c>genai_config.json</c>, from which onnxruntime-genai learns a model's names and sizes.</summary>
internal static class GenaiConfig
{
    /// <summary>Name of the file.</summary>
    public const string File = "genai_config.json";

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, IndentSize = 4, NewLine = "\n" };

    /// <summary>Writes the file.</summary>
    /// <param name="directory">The model's directory.</param>
    /// <param name="weights">The model.</param>
    /// <exception cref="RequestException">It can't be written.</exception>
    public static void Write(string directory, DecoderWeights weights)
    {
        DecoderShape shape = weights.Shape;
        var ends = new JsonArray([.. weights.EndTokens.Select(t => JsonValue.Create(t))]);
        var json = new JsonObject
        {
            ["model"] = new JsonObject
            {
                ["bos_token_id"] = weights.BeginToken ?? 0,
                ["context_length"] = DecoderGraph.ContextLength(shape),
                ["decoder"] = new JsonObject
                {
                    ["session_options"] = new JsonObject { ["provider_options"] = new JsonArray() },
                    ["filename"] = OnnxWriter.ModelFile,
                    ["head_size"] = shape.HeadWidth,
                    ["hidden_size"] = shape.Embedding,
                    ["inputs"] = new JsonObject
                    {
                        ["input_ids"] = DecoderNames.InputIds,
                        ["attention_mask"] = DecoderNames.AttentionMask,
                        ["past_key_names"] = "past_key_values.%d.key",
                        ["past_value_names"] = "past_key_values.%d.value",
                    },
                    ["outputs"] = new JsonObject
                    {
                        ["logits"] = DecoderNames.Logits,
                        ["present_key_names"] = "present.%d.key",
                        ["present_value_names"] = "present.%d.value",
                    },
                    ["num_attention_heads"] = shape.Heads,
                    ["num_hidden_layers"] = shape.Layers,
                    ["num_key_value_heads"] = shape.KvHeads,
                },
                ["eos_token_id"] = weights.EndTokens.Length == 1 ? weights.EndTokens[0] : ends,
                ["pad_token_id"] = weights.EndTokens.IsEmpty ? 0 : weights.EndTokens[0],
                ["type"] = shape.Architecture.IsPlain && shape.Experts == 0 ? shape.Architecture.Gguf : "decoder",
                ["vocab_size"] = shape.Vocabulary,
            },
            ["search"] = new JsonObject
            {
                ["do_sample"] = false,
                ["max_length"] = DecoderGraph.ContextLength(shape),
                ["past_present_share_buffer"] = true
            },
        };
        DiskFault.AsRequest($"The model '{directory}' can't be written", "Check that the disk has room.",
            () => System.IO.File.WriteAllText(Path.Combine(directory, File), json.ToJsonString(s_indented)));
    }
}
