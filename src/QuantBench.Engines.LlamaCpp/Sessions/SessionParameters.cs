using System.Globalization;
using QuantBench.Core.Errors;
using QuantBench.Engines.LlamaCpp.Native;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.LlamaCpp.Sessions;

/// <summary>Session options as llama.cpp's context parameters; refuses first what native code would answer with an abort.</summary>
internal static class SessionParameters
{
    /// <summary>Whether a <c>kv_type</c> stores blocks, which llama.cpp reads in flash attention only.</summary>
    public static bool IsQuantized(string kvType) => kvType is not ("f32" or "f16" or "bf16");

    /// <summary>Translates and checks.</summary>
    /// <exception cref="UnsupportedException">The options don't fit the model or llama.cpp.</exception>
    public static llama_context_params Create(LlamaModel model, SessionOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ContextLength, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Sequences, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.BatchTokens, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MicroBatchTokens, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Threads, 1);
        ulong most = NativeMethods.llama_max_parallel_sequences();
        if ((ulong)options.Sequences > most)
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

        llama_flash_attn_type flash = FlashAttention(options.FlashAttention);
        ggml_type kv = KvType(options.KvType);
        CheckKvType(model, kv, flash, options.KvType);

        llama_context_params p = NativeParameters.Context();
        p.n_ctx = (uint)cells;
        p.n_seq_max = (uint)options.Sequences;
        p.n_batch = (uint)Math.Max(options.BatchTokens, options.Sequences); // its output table must hold a row per sequence, or it aborts
        p.n_ubatch = (uint)Math.Min(options.MicroBatchTokens, p.n_batch);
        p.n_threads = options.Threads;
        p.n_threads_batch = options.Threads;
        p.flash_attn_type = flash;
        p.type_k = kv;
        p.type_v = kv;
        // Sliding-window layers keep every cell, as by default: a cache that drops cells can't be cut back to a prefix.
        p.swa_full = 1;
        p.kv_unified = 0; // one stream per sequence, as llama-perplexity: sequences don't see each other's cells at all
        return p;
    }

    private static llama_flash_attn_type FlashAttention(string text) => text switch
    {
        "auto" => llama_flash_attn_type.AUTO,
        "on" => llama_flash_attn_type.ENABLED,
        "off" => llama_flash_attn_type.DISABLED,
        _ => throw new EngineException($"flash_attention '{text}' is none of auto, on, off."),
    };

    private static ggml_type KvType(string text) => text switch
    {
        "f32" => ggml_type.F32,
        "f16" => ggml_type.F16,
        "bf16" => ggml_type.BF16,
        "q8_0" => ggml_type.Q8_0,
        "q5_1" => ggml_type.Q5_1,
        "q5_0" => ggml_type.Q5_0,
        "q4_1" => ggml_type.Q4_1,
        "q4_0" => ggml_type.Q4_0,
        "iq4_nl" => ggml_type.IQ4_NL,
        _ => throw new EngineException($"kv_type '{text}' is none of f32, f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0, iq4_nl."),
    };

    private static void CheckKvType(LlamaModel model, ggml_type kv, llama_flash_attn_type flash, string name)
    {
        long block = NativeMethods.ggml_blck_size(kv);
        if (block <= 1) return;
        if (flash == llama_flash_attn_type.DISABLED)
        {
            throw new UnsupportedException(null,
                $"A KV cache of type {name} needs flash attention in llama.cpp, but flash_attention is off.",
                "Set flash_attention to auto or on, or kv_type to f16.");
        }

        string architecture = model.Metadata("general.architecture") ?? "";
        int heads = NativeMethods.llama_model_n_head(model.Handle);
        int head = heads > 0 ? NativeMethods.llama_model_n_embd(model.Handle) / heads : 0;
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
