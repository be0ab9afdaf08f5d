using QuantBench.Formats.Files;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Synthesis;

namespace QuantBench.Models.Conversion;

/// <summary>A model's sizes and constants as GGUF metadata, with the keys and in the order of llama.cpp's converter.</summary>
internal static class HuggingFaceMetadata
{
    /// <summary>Adds them.</summary>
    /// <param name="metadata">Receives the entries.</param>
    /// <param name="config">The model.</param>
    /// <param name="arch">The architecture's name, which is every key's prefix.</param>
    public static void Add(GgufMetadata metadata, HuggingFaceConfig config, string arch)
    {
        metadata.Add(GgufConstants.Architecture, arch);
        metadata.Add("general.type", "model");
        metadata.Add(GgufConstants.Name, config.Name);
        if (config.IsSynthetic) metadata.Add(SyntheticMark.Key, true);
        metadata.Add($"{arch}.block_count", (uint)config.LayerCount);
        metadata.Add($"{arch}.context_length", (uint)config.ContextLength);
        metadata.Add($"{arch}.embedding_length", (uint)config.HiddenSize);
        metadata.Add($"{arch}.feed_forward_length", (uint)config.IntermediateSize);
        metadata.Add($"{arch}.attention.head_count", (uint)config.HeadCount);
        metadata.Add($"{arch}.attention.head_count_kv", (uint)config.KeyValueHeadCount);
        AddRopeScaling(metadata, config, arch);
        if (config.Rope.Base is { } ropeBase) metadata.Add($"{arch}.rope.freq_base", (float)ropeBase);
        else if (arch == "gemma3") metadata.Add($"{arch}.rope.freq_base", 1_000_000f); // Its configuration may leave its own default out.
        if (config.Rope.LocalBase is { } localBase) metadata.Add($"{arch}.rope.freq_base_swa", (float)localBase);
        metadata.Add($"{arch}.attention.layer_norm_rms_epsilon", (float)config.NormEpsilon);
        if (config.HasHeadSize)
        {
            metadata.Add($"{arch}.attention.key_length", (uint)config.HeadSize);
            metadata.Add($"{arch}.attention.value_length", (uint)config.HeadSize);
        }

        if (config.AttentionSoftCap is { } attentionCap) metadata.Add($"{arch}.attn_logit_softcapping", (float)attentionCap);
        if (config.LogitSoftCap is { } logitCap) metadata.Add($"{arch}.final_logit_softcapping", (float)logitCap);

        // GGUF's llama has no windows; phi3's are written though llama.cpp doesn't use them.
        if (arch == "phi3") metadata.Add($"{arch}.attention.sliding_window", (uint)(config.Window ?? 0));
        else if (config.Window is { } window && arch != "llama") metadata.Add($"{arch}.attention.sliding_window", (uint)window);
    }

    private static void AddRopeScaling(GgufMetadata metadata, HuggingFaceConfig config, string arch)
    {
        string prefix = $"{arch}.rope.scaling";
        if (arch == "phi3")
        {
            metadata.Add($"{arch}.rope.dimension_count", (uint)config.Rope.RotatedSize);
            if (config.Rope.OriginalContextLength is { } original) metadata.Add($"{prefix}.original_context_length", (uint)original);
        }

        switch (config.Rope.Type)
        {
            case "longrope":
                metadata.Add($"{prefix}.type", "longrope");
                metadata.Add($"{prefix}.attn_factor", (float)config.Rope.LongAttentionFactor(config.ContextLength));
                break;
            case ("linear" or "yarn") and var type:
                metadata.Add($"{prefix}.type", type);
                metadata.Add($"{prefix}.factor", (float)config.Rope.Factor);
                if (type == "yarn" && config.Rope.Source is { } source) AddYarn(metadata, source, prefix);
                break;
            default:
                break; // llama3's scaling isn't metadata but a tensor of factors.
        }
    }

    private static void AddYarn(GgufMetadata metadata, ModelJson source, string prefix)
    {
        metadata.Add($"{prefix}.original_context_length", (uint)source.Get("original_max_position_embeddings").AsInt32(1, int.MaxValue));
        AddNumber("extrapolation_factor", "yarn_ext_factor");
        AddNumber(source.Find("attention_factor") is null ? "attn_factor" : "attention_factor", "yarn_attn_factor");
        AddNumber("beta_fast", "yarn_beta_fast");
        AddNumber("beta_slow", "yarn_beta_slow");

        void AddNumber(string from, string to)
        {
            if (source.Find(from) is { } number) metadata.Add($"{prefix}.{to}", (float)number.AsDouble());
        }
    }
}
