using System.Collections.Immutable;

namespace QuantBench.Formats.Conversion;

/// <summary>A module of a Hugging Face model and its place in GGUF.</summary>
/// <param name="Target">Name in GGUF without <c>.weight</c>.</param>
/// <param name="Source">Path of the module without <c>.weight</c>.</param>
/// <param name="Rows">Output features; 1 for a norm.</param>
/// <param name="Columns">Input features, or a norm's length.</param>
/// <param name="PermutedHeads">Heads whose rows GGUF has in another order; 0 = none.</param>
/// <param name="IsNorm">Whether it is a norm's vector.</param>
internal sealed record HuggingFaceModule(string Target, string Source, long Rows, long Columns, int PermutedHeads = 0, bool IsNorm = false)
{
    /// <summary>All modules of a model, in the order that llama.cpp's converter writes them.</summary>
    public static ImmutableArray<HuggingFaceModule> Of(HuggingFaceConfig config)
    {
        var modules = ImmutableArray.CreateBuilder<HuggingFaceModule>();
        HuggingFaceArchitecture architecture = config.Architecture;
        long hidden = config.HiddenSize;
        long queries = (long)config.HeadCount * config.HeadSize;
        long keys = (long)config.KeyValueHeadCount * config.HeadSize;
        int permutedQueries = architecture.PermutesHeads ? config.HeadCount : 0;
        int permutedKeys = architecture.PermutesHeads ? config.KeyValueHeadCount : 0;

        void Matrix(string target, string source, long rows, long columns, int heads = 0) =>
            modules.Add(new HuggingFaceModule(target, source, rows, columns, heads));

        void Norm(string target, string source, long length) => modules.Add(new HuggingFaceModule(target, source, 1, length, IsNorm: true));

        Matrix("token_embd", "model.embed_tokens", config.VocabularySize, hidden);
        for (int layer = 0; layer < config.LayerCount; layer++)
        {
            string from = $"model.layers.{layer}";
            string to = $"blk.{layer}";
            Norm($"{to}.attn_norm", $"{from}.input_layernorm", hidden);
            if (architecture.FusesProjections)
            {
                Matrix($"{to}.attn_qkv", $"{from}.self_attn.qkv_proj", queries + (2 * keys), hidden);
            }
            else
            {
                Matrix($"{to}.attn_q", $"{from}.self_attn.q_proj", queries, hidden, permutedQueries);
                Matrix($"{to}.attn_k", $"{from}.self_attn.k_proj", keys, hidden, permutedKeys);
                Matrix($"{to}.attn_v", $"{from}.self_attn.v_proj", keys, hidden);
            }

            if (architecture.HasHeadNorms)
            {
                Norm($"{to}.attn_q_norm", $"{from}.self_attn.q_norm", config.HeadSize);
                Norm($"{to}.attn_k_norm", $"{from}.self_attn.k_norm", config.HeadSize);
            }

            Matrix($"{to}.attn_output", $"{from}.self_attn.o_proj", hidden, queries);

            // The same name means the norm behind attention where there is one, and else the norm in front of the feed-forward part.
            if (architecture.HasPostNorms)
            {
                Norm($"{to}.post_attention_norm", $"{from}.post_attention_layernorm", hidden);
                Norm($"{to}.ffn_norm", $"{from}.pre_feedforward_layernorm", hidden);
            }
            else
            {
                Norm($"{to}.ffn_norm", $"{from}.post_attention_layernorm", hidden);
            }

            if (architecture.FusesProjections)
            {
                Matrix($"{to}.ffn_up", $"{from}.mlp.gate_up_proj", 2L * config.IntermediateSize, hidden);
            }
            else
            {
                Matrix($"{to}.ffn_gate", $"{from}.mlp.gate_proj", config.IntermediateSize, hidden);
                Matrix($"{to}.ffn_up", $"{from}.mlp.up_proj", config.IntermediateSize, hidden);
            }

            Matrix($"{to}.ffn_down", $"{from}.mlp.down_proj", hidden, config.IntermediateSize);
            if (architecture.HasPostNorms) Norm($"{to}.post_ffw_norm", $"{from}.post_feedforward_layernorm", hidden);
        }

        Norm("output_norm", "model.norm", hidden);
        if (!config.TiesEmbeddings) Matrix("output", "lm_head", config.VocabularySize, hidden);
        return modules.ToImmutable();
    }

    /// <summary>Whether a tensor needs no place: a stored table that engines compute themselves, or a copy of a tied embedding.</summary>
    /// <param name="tensor">Its full name.</param>
    /// <param name="config">The model.</param>
    public static bool IsRedundant(string tensor, HuggingFaceConfig config) =>
        tensor.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal)
        || tensor.EndsWith(".attention.bias", StringComparison.Ordinal)
        || tensor.EndsWith(".attention.masked_bias", StringComparison.Ordinal)
        || (config.TiesEmbeddings && tensor.StartsWith("lm_head.", StringComparison.Ordinal));
}
