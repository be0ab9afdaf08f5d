using System.Globalization;
using LLama.Native;
using QuantBench.Core.Errors;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.LLamaSharp.Sessions;

/// <summary>Session options as LLamaSharp's context parameters; refuses first what native code would answer with an abort.</summary>
internal static class ContextParameters
{
    // Numbers stand for types that LLamaSharp has no name for; they are those of the GGUF format.
    private static readonly Dictionary<string, (GGMLType Type, int Block)> s_kvTypes = new()
    {
        ["f32"] = (GGMLType.GGML_TYPE_F32, 1),
        ["f16"] = (GGMLType.GGML_TYPE_F16, 1),
        ["bf16"] = ((GGMLType)30, 1),
        ["q8_0"] = (GGMLType.GGML_TYPE_Q8_0, 32),
        ["q5_1"] = (GGMLType.GGML_TYPE_Q5_1, 32),
        ["q5_0"] = (GGMLType.GGML_TYPE_Q5_0, 32),
        ["q4_1"] = (GGMLType.GGML_TYPE_Q4_1, 32),
        ["q4_0"] = (GGMLType.GGML_TYPE_Q4_0, 32),
        ["iq4_nl"] = ((GGMLType)20, 32),
    };

    /// <summary>Whether a <c>kv_type</c> stores blocks, which llama.cpp reads in flash attention only.</summary>
    public static bool IsQuantized(string kvType) => s_kvTypes.TryGetValue(kvType, out (GGMLType, int Block) kv) && kv.Block > 1;

    /// <summary>Translates and checks.</summary>
    /// <exception cref="UnsupportedException">The options don't fit the model or llama.cpp.</exception>
    public static LLamaContextParams Create(SharpModel model, SessionOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ContextLength, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Sequences, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.BatchTokens, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MicroBatchTokens, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Threads, 1);
        long most = NativeApi.llama_max_parallel_sequences();
        if (options.Sequences > most)
        {
            throw new UnsupportedException(null, $"llama.cpp holds at most {most} sequences, not {options.Sequences}.",
                "Lower n_batch or raise n_ctx.");
        }

        long cells = (long)options.ContextLength * options.Sequences;
        if (cells > int.MaxValue)
        {
            throw new UnsupportedException(null,
                $"A context of {options.ContextLength} tokens × {options.Sequences} sequences is more than llama.cpp can number.");
        }

        LLamaFlashAttentionType flash = options.FlashAttention switch
        {
            "auto" => LLamaFlashAttentionType.LLAMA_FLASH_ATTENTION_TYPE_AUTO,
            "on" => LLamaFlashAttentionType.LLAMA_FLASH_ATTENTION_TYPE_ENABLED,
            "off" => LLamaFlashAttentionType.LLAMA_FLASH_ATTENTION_TYPE_DISABLED,
            _ => throw new EngineException($"flash_attention '{options.FlashAttention}' is none of auto, on, off."),
        };
        if (!s_kvTypes.TryGetValue(options.KvType, out (GGMLType Type, int Block) kv))
            throw new EngineException($"kv_type '{options.KvType}' is none of {string.Join(", ", s_kvTypes.Keys)}.");
        CheckKvType(model, kv.Block, flash, options.KvType);

        LLamaContextParams p = LLamaContextParams.Default();
        p.n_ctx = (uint)cells;
        p.n_seq_max = (uint)options.Sequences;
        p.n_batch = (uint)Math.Max(options.BatchTokens, options.Sequences); // its output table must hold a row per sequence, or it aborts
        p.n_ubatch = Math.Min((uint)options.MicroBatchTokens, p.n_batch);
        p.n_threads = options.Threads;
        p.n_threads_batch = options.Threads;
        p.llama_flash_attn_type = flash;
        p.type_k = kv.Type;
        p.type_v = kv.Type;
        p.swa_full = true; // a cache that drops cells can't be cut back to a prefix
        p.kv_unified = false; // one stream per sequence, as llama-perplexity
        return p;
    }

    private static void CheckKvType(SharpModel model, int block, LLamaFlashAttentionType flash, string name)
    {
        if (block <= 1) return;
        if (flash == LLamaFlashAttentionType.LLAMA_FLASH_ATTENTION_TYPE_DISABLED)
        {
            throw new UnsupportedException(null,
                $"A KV cache of type {name} needs flash attention in llama.cpp, but flash_attention is off.",
                "Set flash_attention to auto or on, or kv_type to f16.");
        }

        string architecture = model.Metadata("general.architecture") ?? "";
        int head = model.Handle.HeadCount > 0 ? model.Handle.EmbeddingSize / model.Handle.HeadCount : 0;
        foreach (string part in new[] { "key_length", "value_length" })
        {
            int size = int.TryParse(model.Metadata($"{architecture}.attention.{part}"), CultureInfo.InvariantCulture, out int given) ? given
                : head;
            if (size % block != 0)
            {
                throw new UnsupportedException(null,
                    $"A KV cache of type {name} stores blocks of {block}, which don't divide this model's head size {size}.",
                    "Set kv_type to f16.");
            }
        }
    }
}
