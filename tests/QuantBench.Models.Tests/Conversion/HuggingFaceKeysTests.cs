using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using QuantBench.Core.Errors;
using QuantBench.Formats.Files;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Architectures;
using QuantBench.Models.Conversion;

namespace QuantBench.Models.Tests.Conversion;

/// <summary>Every key of released models' configurations is known not to matter, or another value of it is refused or read.</summary>
public sealed class HuggingFaceKeysTests
{
    // Keys whose value doesn't matter in a released model as it is, and why.
    private static readonly Dictionary<string, string> s_withoutEffect = new()
    {
        ["model_type"] = "the class decides",
        ["max_window_layers"] = "windows are switched off",
        ["sliding_window qwen2"] = "windows are switched off",
        ["sliding_window qwen3"] = "windows are switched off",
        ["sliding_window qwen2moe"] = "windows are switched off",
        ["sliding_window qwen3moe"] = "windows are switched off",
        ["sliding_window smollm3"] = "windows are switched off",
        ["sliding_window phi3"] = "llama.cpp ignores it, and its figures are the measure",
        ["sliding_window starcoder2"] = "llama.cpp ignores it, and its figures are the measure",
        ["use_sliding_window"] = "no window is given",
        ["sliding_window_pattern exaone4"] = "no window is given",
        ["output_router_logits"] = "training",
        ["router_aux_loss_coef"] = "training",
        ["truncate gpt-oss"] = "llama.cpp rounds the ramp, and its figures are the measure",
        ["experts_per_token"] = "transformers reads 'num_experts_per_tok' beside it",
        ["initial_context_length"] = "transformers reads the rotary settings",
        ["original_max_position_embeddings phi3"] = "nothing is stretched",
        ["hidden_act"] = "'hidden_activation' stands beside it",
        ["num_key_value_heads deepseek-v2"] = "one compressed key serves all heads",
        ["num_key_value_heads deepseek2"] = "one compressed key serves all heads",
        ["num_nextn_predict_layers"] = "layers behind the last, which are left out",
        ["aux_loss_alpha"] = "training",
        ["seq_aux"] = "training",
        ["ep_size"] = "how servers spread experts",
        ["num_hidden_layers"] = "read; checked by the tensors",
        ["quantization_config"] = "how weights are stored",
        ["tie_word_embeddings"] = "read; a head of its own is refused where it isn't a copy",
    };

    public static TheoryData<string> Names => [.. PublicConfigurations.All.Keys];

    [Fact]
    public void Configurations_AreOfEveryArchitecture()
    {
        var classes = PublicConfigurations.All.Values.Select(json => JsonNode.Parse(json)!["architectures"]![0]!.GetValue<string>());

        Assert.Subset(classes.ToHashSet(), DecoderArchitecture.Known.Select(architecture => architecture.HuggingFaceClass).ToHashSet());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Read_TakesTheConfiguration_OfAReleasedModel(string name) => Read(Parse(name));

    [Theory]
    [MemberData(nameof(Names))]
    public void Read_NoticesAnotherValue_OfEveryKeyThatMatters(string name)
    {
        string usual = Figures(Parse(name));
        string architecture = Read(Parse(name)).Architecture.Name;
        foreach (string[] path in Paths(Parse(name)))
        {
            string key = path[^1];
            if (path.Length == 1 && HuggingFaceKeys.IsHarmless(key)) continue;
            if (s_withoutEffect.ContainsKey(key) || s_withoutEffect.ContainsKey($"{key} {architecture}") || key is "type" or "finetuned")
                continue;

            JsonObject changed = Parse(name);
            JsonObject parent = path[..^1].Aggregate(changed, (node, part) => node[part]!.AsObject());
            parent[key] = Other(parent[key]);
            string? now = Outcome(changed);
            Assert.True(now != usual, $"{name}: '{string.Join('.', path)}' of {parent[key]?.ToJsonString()} has no effect");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Read_RefusesByName_WhatItDoesntKnow(string name)
    {
        foreach (string place in new[] { "", "rope_scaling", "rope_parameters" })
        {
            JsonObject changed = Parse(name);
            if (place.Length > 0 && changed[place] is not JsonObject) continue;
            (place.Length == 0 ? changed : changed[place]!.AsObject())["brand_new"] = 1;

            Assert.Contains("'brand_new' is not understood", Assert.Throws<UnsupportedException>(() => Read(changed)).Message,
                StringComparison.Ordinal);
        }
    }

    private static JsonObject Parse(string name) => JsonNode.Parse(PublicConfigurations.All[name])!.AsObject();

    private static HuggingFaceConfig Read(JsonObject json) => HuggingFaceConfig.Read(
        ModelJson.Parse(Encoding.UTF8.GetBytes(json.ToJsonString()), "config.json", 0), "config.json");

    private static string? Outcome(JsonObject json)
    {
        try
        {
            return Figures(json);
        }
        catch (QuantBenchException)
        {
            return null;
        }
    }

    /// <summary>All that a GGUF file made of it says.</summary>
    private static string Figures(JsonObject json)
    {
        HuggingFaceConfig config = Read(json);
        var metadata = new GgufMetadata("m.gguf");
        HuggingFaceMetadata.Add(metadata, config, config.Architecture.AsGguf());
        config.Multipliers?.AddTo(metadata, "m");
        return string.Join('\n', metadata.Select(entry => $"{entry.Key}={JsonSerializer.Serialize(entry.Value)}")
            .Concat(config.Rope.Tensors(config.HeadWidth).Select(tensor => $"{tensor.Name}={JsonSerializer.Serialize(tensor.Factors)}"))
            .Append($"{config.Architecture.Name} {config.Vocabulary} {config.HeadWidth} {config.SharedFeedForward}")
            .Append($"{config.Rope.RotatedSize} {config.Window}"));
    }

    private static IEnumerable<string[]> Paths(JsonObject json) => json.SelectMany(entry =>
        entry.Value is JsonObject inner && entry.Key is "rope_scaling" or "rope_parameters"
            ? Paths((JsonObject)entry.Value!).Select(path => (string[])[entry.Key, .. path]) : [[entry.Key]]);

    private static JsonNode? Other(JsonNode? value) => value switch
    {
        null => 8,
        JsonArray { Count: 0 } => new JsonArray(0),
        JsonArray array => new JsonArray([.. array.Select((item, i) =>
            i > 0 ? item?.DeepClone() : item is JsonValue first && first.TryGetValue(out double _) ? 0 : Other(item))]),
        JsonValue number when number.TryGetValue(out double figure) => figure == Math.Floor(figure) ? (figure * 2) + 2 : figure / 2,
        JsonValue flag when flag.TryGetValue(out bool on) => !on,
        JsonValue => "another",
        _ => 8,
    };
}
