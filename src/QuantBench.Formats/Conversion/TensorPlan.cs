using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Formats.Safetensors;

namespace QuantBench.Formats.Conversion;

/// <summary>One tensor to be written, and where it comes from.</summary>
/// <param name="Target">Name in GGUF.</param>
/// <param name="Source">The tensor it is made from.</param>
/// <param name="Rows">Rows; 1 for a vector that isn't reordered.</param>
/// <param name="Columns">Elements per row.</param>
/// <param name="PermutedHeads">Heads whose rows are reordered for neighbour rotation; 0 = none.</param>
internal sealed record PlannedTensor(string Target, SafetensorsTensorInfo Source, long Rows, long Columns, int PermutedHeads)
{
    /// <summary>Row of the source that becomes a row of the target: per head, row 2p + h comes from row h·(size/2) + p, h in {0, 1}.</summary>
    public long SourceRow(long row)
    {
        if (PermutedHeads == 0) return row;
        long headSize = Rows / PermutedHeads;
        (long head, long within) = Math.DivRem(row, headSize);
        (long pair, long half) = Math.DivRem(within, 2);
        return (head * headSize) + (half * (headSize / 2)) + pair;
    }
}

/// <summary>Which tensors of a Hugging Face model become which tensors of a GGUF file, in the order they are written.</summary>
internal static class TensorPlan
{
    /// <exception cref="ModelFormatException">A tensor is missing, has another shape than the configuration says, or nobody knows what it is for.</exception>
    public static ImmutableArray<PlannedTensor> Make(HuggingFaceConfig config, SafetensorsModel model, string directory)
    {
        var plan = ImmutableArray.CreateBuilder<PlannedTensor>();
        var used = new HashSet<string>(StringComparer.Ordinal);

        SafetensorsTensorInfo Take(string name, params ReadOnlySpan<long> shape)
        {
            if (!model.Tensors.TryGetValue(name, out SafetensorsTensorInfo? tensor)) throw new ModelFormatException(directory, null, $"the tensor '{name}' is missing.");
            if (!tensor.Shape.AsSpan().SequenceEqual(shape))
            {
                throw new ModelFormatException(
                    model.Files[tensor.Part], tensor.Offset,
                    $"the tensor '{name}' has the shape [{string.Join(", ", tensor.Shape)}], but by config.json it is [{string.Join(", ", shape.ToArray())}].");
            }

            if (tensor.DType is not (SafetensorsDType.F32 or SafetensorsDType.F16 or SafetensorsDType.BF16))
            {
                throw new ModelFormatException(model.Files[tensor.Part], tensor.Offset, $"the tensor '{name}' is of type {tensor.DType}; F32, F16 and BF16 are converted.");
            }

            used.Add(name);
            return tensor;
        }

        void Matrix(string target, string source, long rows, long columns, int permutedHeads = 0)
        {
            plan.Add(new PlannedTensor($"{target}.weight", Take($"{source}.weight", rows, columns), rows, columns, permutedHeads));
            if (!model.Tensors.ContainsKey($"{source}.bias")) return;

            // A reordered matrix has its bias reordered too; seen as a column, its rows are single elements.
            SafetensorsTensorInfo bias = Take($"{source}.bias", rows);
            plan.Add(permutedHeads > 0 ? new PlannedTensor($"{target}.bias", bias, rows, 1, permutedHeads) : new PlannedTensor($"{target}.bias", bias, 1, rows, 0));
        }

        void Norm(string target, string source, int? size = null)
        {
            int length = size ?? config.HiddenSize;
            plan.Add(new PlannedTensor($"{target}.weight", Take($"{source}.weight", length), 1, length, 0));
        }


        long queryRows = (long)config.HeadCount * config.HeadSize;
        long keyRows = (long)config.KeyValueHeadCount * config.HeadSize;
        Matrix("token_embd", "model.embed_tokens", config.VocabularySize, config.HiddenSize);
        for (int layer = 0; layer < config.LayerCount; layer++)
        {
            string from = $"model.layers.{layer}";
            string to = $"blk.{layer}";
            Norm($"{to}.attn_norm", $"{from}.input_layernorm");
            Matrix($"{to}.attn_q", $"{from}.self_attn.q_proj", queryRows, config.HiddenSize, config.PermutesHeads ? config.HeadCount : 0);
            Matrix($"{to}.attn_k", $"{from}.self_attn.k_proj", keyRows, config.HiddenSize, config.PermutesHeads ? config.KeyValueHeadCount : 0);
            Matrix($"{to}.attn_v", $"{from}.self_attn.v_proj", keyRows, config.HiddenSize);
            if (config.NormsHeads)
            {
                Norm($"{to}.attn_q_norm", $"{from}.self_attn.q_norm", config.HeadSize);
                Norm($"{to}.attn_k_norm", $"{from}.self_attn.k_norm", config.HeadSize);
            }

            Matrix($"{to}.attn_output", $"{from}.self_attn.o_proj", config.HiddenSize, queryRows);
            Norm($"{to}.ffn_norm", $"{from}.post_attention_layernorm");
            Matrix($"{to}.ffn_gate", $"{from}.mlp.gate_proj", config.IntermediateSize, config.HiddenSize);
            Matrix($"{to}.ffn_up", $"{from}.mlp.up_proj", config.IntermediateSize, config.HiddenSize);
            Matrix($"{to}.ffn_down", $"{from}.mlp.down_proj", config.HiddenSize, config.IntermediateSize);
        }

        Norm("output_norm", "model.norm");
        if (config.TiesEmbeddings) used.Add("lm_head.weight"); // A copy of the embedding, where a file has it all the same.
        else Matrix("output", "lm_head", config.VocabularySize, config.HiddenSize);

        // A tensor nobody asked for means that the model computes something else than a llama.
        string? unknown = model.Tensors.Keys.Where(name => !used.Contains(name) && !IsComputed(name)).Order(StringComparer.Ordinal).FirstOrDefault();
        return unknown is null ? plan.ToImmutable() : throw new ModelFormatException(directory, null, $"the tensor '{unknown}' has no place in a {config.GgufArchitecture} model.");
    }

    /// <summary>Whether a tensor is a stored table that engines compute themselves.</summary>
    private static bool IsComputed(string name) =>
        name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal)
        || name.EndsWith(".attention.bias", StringComparison.Ordinal)
        || name.EndsWith(".attention.masked_bias", StringComparison.Ordinal);
}
