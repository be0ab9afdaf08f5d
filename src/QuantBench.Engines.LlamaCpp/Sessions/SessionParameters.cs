using QuantBench.Core.Errors;
using QuantBench.Engines.LlamaCpp.Native;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.LlamaCpp.Sessions;

/// <summary>Session options as llama.cpp's context parameters.</summary>
internal static class SessionParameters
{
    /// <summary>Translates and checks.</summary>
    /// <exception cref="UnsupportedException">The options don't fit the model or llama.cpp.</exception>
    public static llama_context_params Create(LlamaModel model, SessionOptions options)
    {
        int heads = NativeMethods.llama_model_n_head(model.Handle);
        SessionLimits limits = SessionLimits.Of(options, checked((long)NativeMethods.llama_max_parallel_sequences()), model.Metadata,
            heads > 0 ? NativeMethods.llama_model_n_embd(model.Handle) / heads : 0);
        llama_context_params p = NativeParameters.Context();
        p.n_ctx = limits.Cells;
        p.n_seq_max = (uint)options.Sequences;
        p.n_batch = limits.Batch;
        p.n_ubatch = limits.MicroBatch;
        p.n_threads = options.Threads;
        p.n_threads_batch = options.Threads;
        p.flash_attn_type = limits.FlashAttention;
        p.type_k = limits.KeyType;
        p.type_v = limits.ValueType;
        // Sliding-window layers keep every cell, as by default: a cache that drops cells can't be cut back to a prefix.
        p.swa_full = 1;
        p.kv_unified = 0; // one stream per sequence, as llama-perplexity: sequences don't see each other's cells at all
        return p;
    }
}
