using System.Text.Json;
using System.Text.Json.Nodes;
using QuantBench.Core.Errors;
using QuantBench.Formats.Decoders;
using QuantBench.Formats.Onnx;

namespace QuantBench.Engines.OnnxRuntime.Export;

/// <summary>Writes <c>genai_config.json</c>, from which onnxruntime-genai learns a model's names and sizes.</summary>
internal static class GenaiConfig
{
    /// <summary>Name of the file.</summary>
    public const string File = "genai_config.json";

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, IndentSize = 4, NewLine = "\n" };

    /// <summary>Writes the file.</summary>
    /// <param name="directory">The model's directory.</param>
    /// <param name="shape">The model's sizes.</param>
    /// <exception cref="RequestException">It can't be written.</exception>
    public static void Write(string directory, DecoderShape shape)
    {
        var ends = new JsonArray([.. shape.EndTokens.Select(t => JsonValue.Create(t))]);
        var json = new JsonObject
        {
            ["model"] = new JsonObject
            {
                ["bos_token_id"] = shape.BeginToken ?? 0,
                ["context_length"] = DecoderGraph.ContextLength(shape),
                ["decoder"] = new JsonObject
                {
                    ["session_options"] = new JsonObject { ["provider_options"] = new JsonArray() },
                    ["filename"] = OnnxWriter.ModelFile,
                    ["head_size"] = shape.HeadSize,
                    ["hidden_size"] = shape.Hidden,
                    ["inputs"] = new JsonObject
                    {
                        ["input_ids"] = DecoderGraph.InputIds,
                        ["attention_mask"] = DecoderGraph.AttentionMask,
                        ["past_key_names"] = "past_key_values.%d.key",
                        ["past_value_names"] = "past_key_values.%d.value",
                    },
                    ["outputs"] = new JsonObject
                    {
                        ["logits"] = DecoderGraph.Logits,
                        ["present_key_names"] = "present.%d.key",
                        ["present_value_names"] = "present.%d.value",
                    },
                    ["num_attention_heads"] = shape.Heads,
                    ["num_hidden_layers"] = shape.Layers,
                    ["num_key_value_heads"] = shape.KeyValueHeads,
                },
                ["eos_token_id"] = shape.EndTokens.Length == 1 ? shape.EndTokens[0] : ends,
                ["pad_token_id"] = shape.EndTokens.IsEmpty ? 0 : shape.EndTokens[0],
                ["type"] = shape.Architecture,
                ["vocab_size"] = shape.Vocabulary,
            },
            ["search"] = new JsonObject
            {
                ["do_sample"] = false,
                ["max_length"] = DecoderGraph.ContextLength(shape),
                ["past_present_share_buffer"] = true
            },
        };
        try
        {
            System.IO.File.WriteAllText(Path.Combine(directory, File), json.ToJsonString(s_indented));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RequestException($"The model '{directory}' can't be written: {e.Message}", "Check that the disk has room.", e);
        }
    }
}
