using System.Collections.Frozen;
using QuantBench.Core.Errors;
using QuantBench.Formats.Files;
using QuantBench.Models.Architectures;

namespace QuantBench.Models.Conversion;

/// <summary>
/// Every key of <c>config.json</c> that may stand there. A key that nobody here knows may change what the model computes, so it is refused
/// by its name unless it says that it is off; one more that is read, or doesn't matter, is a word in a list below.
/// </summary>
internal static class HuggingFaceKeys
{
    /// <summary>What <see cref="HuggingFaceConfig"/> and <see cref="HuggingFaceRope"/> read, whatever the architecture.</summary>
    private static readonly FrozenSet<string> s_read = Words(
        """
        architectures model_type vocab_size hidden_size intermediate_size num_hidden_layers num_attention_heads num_key_value_heads head_dim
        max_position_embeddings rms_norm_eps hidden_act hidden_activation tie_word_embeddings rope_theta rope_scaling rope_parameters
        partial_rotary_factor original_max_position_embeddings no_rope_layer_interval no_rope_layers sliding_window use_sliding_window
        max_window_layers sliding_window_pattern _sliding_window_pattern layer_types query_pre_attn_scalar num_local_experts
        quantization quantization_config quantbench_synthetic bos_token_id eos_token_id
        """);

    /// <summary>What doesn't change the logits of a text: training, generation, tokens, storage, how transformers computes it. Biases are
    /// there or not, as the tensors say.</summary>
    private static readonly FrozenSet<string> s_harmless = Words(
        """
        attention_bias mlp_bias attention_dropout attn_pdrop resid_pdrop embd_pdrop hidden_dropout attention_probs_dropout_prob
        hidden_dropout_prob initializer_range use_cache pretraining_tp torch_dtype dtype auto_map torchscript return_dict
        output_attentions output_hidden_states use_return_dict use_bfloat16 attn_implementation cache_implementation id2label label2id
        num_labels task_specific_params problem_type finetuning_task chunk_size_feed_forward max_sequence_length model_max_length
        seq_length max_length min_length do_sample early_stopping num_beams num_beam_groups diversity_penalty temperature top_k top_p
        typical_p repetition_penalty length_penalty no_repeat_ngram_size encoder_no_repeat_ngram_size num_return_sequences bad_words_ids
        suppress_tokens begin_suppress_tokens exponential_decay_length_penalty remove_invalid_values prefix tokenizer_class license
        language vocab_file bos_token eos_token pad_token unk_token is_decoder is_llama_config max_new_tokens output_scores
        return_dict_in_generate unsloth_fixed embed_dropout embedding_dropout residual_dropout use_bias
        """);

    private static readonly string[] s_harmlessStarts = ["_"];
    private static readonly string[] s_harmlessEnds = ["_version", "_token_id", "_token_ids"];

    /// <summary>What the rotary settings of each type may hold.</summary>
    private static readonly FrozenDictionary<string, FrozenSet<string>> s_rope = new Dictionary<string, FrozenSet<string>>
    {
        ["default"] = Rope(""),
        ["linear"] = Rope("factor original_max_position_embeddings"),
        ["llama3"] = Rope("factor original_max_position_embeddings low_freq_factor high_freq_factor"),
        ["longrope"] = Rope("factor original_max_position_embeddings long_factor short_factor attention_factor"),
        ["yarn"] = Rope("factor original_max_position_embeddings attention_factor mscale mscale_all_dim beta_fast beta_slow truncate"
            + " extrapolation_factor attn_factor finetuned"),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Refuses a configuration with a key that isn't understood.</summary>
    /// <param name="config">The whole of <c>config.json</c>.</param>
    /// <param name="architecture">What it is of.</param>
    /// <exception cref="UnsupportedException">There is one.</exception>
    public static void Check(ModelJson config, DecoderArchitecture architecture)
    {
        foreach ((string name, ModelJson value) in config.Members())
        {
            if (!IsKnown(name) && !architecture.ReadsKey(name) && !IsOff(value)) throw Refused(config, name);
        }
    }

    /// <summary>Refuses rotary settings with a key that isn't understood.</summary>
    /// <param name="rope">The settings.</param>
    /// <param name="type">Their type; null = not stretched.</param>
    /// <param name="architecture">What the model is of.</param>
    /// <exception cref="UnsupportedException">There is one.</exception>
    public static void CheckRope(ModelJson rope, string? type, DecoderArchitecture architecture)
    {
        foreach ((string name, ModelJson value) in rope.Members())
        {
            bool isTemperature = architecture.HasTemperature && type == "yarn" && name == HuggingFaceRope.TemperatureKey;
            if (!s_rope[type ?? "default"].Contains(name) && !isTemperature && !IsOff(value)) throw Refused(rope, name);
        }
    }

    /// <summary>Whether a key doesn't change the logits of a text, whatever it says.</summary>
    public static bool IsHarmless(string name) => s_harmless.Contains(name)
        || s_harmlessStarts.Any(start => name.StartsWith(start, StringComparison.Ordinal))
        || s_harmlessEnds.Any(end => name.EndsWith(end, StringComparison.Ordinal));

    private static bool IsKnown(string name) => s_read.Contains(name) || IsHarmless(name);

    /// <summary>Whether a value says that there is nothing: null, false, 0 or empty.</summary>
    private static bool IsOff(ModelJson value) =>
        value.IsNull
        || (value.IsBoolean && !value.AsBoolean())
        || (value.IsNumber && value.AsDouble() == 0)
        || (value.IsString && value.AsString().Length == 0)
        || (value.IsArray && value.Count == 0)
        || (value.IsObject && !value.Members().Any());

    private static UnsupportedException Refused(ModelJson json, string name) => new(
        json.File, $"the key '{Shorten(name)}' is not understood, and may change what the model computes.",
        "If it doesn't, take it out of a copy of the model's config.json.");

    private static string Shorten(string name) => name.Length <= 60 ? name : string.Concat(name.AsSpan(0, 60), "…");

    private static FrozenSet<string> Rope(string words) => Words("type rope_type rope_theta partial_rotary_factor " + words);

    private static FrozenSet<string> Words(string words) =>
        words.Split([' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries).ToFrozenSet(StringComparer.Ordinal);
}
