using LLama.Native;
using QuantBench.Core.Errors;
using QuantBench.Engines.LlamaCpp.Sessions;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.LLamaSharp.Sessions;

/// <summary>Session options as LLamaSharp's context parameters.</summary>
internal static class ContextParameters
{
    /// <summary>Translates and checks.</summary>
    /// <exception cref="UnsupportedException">The options don't fit the model or llama.cpp.</exception>
    public static LLamaContextParams Create(SharpModel model, SessionOptions options)
    {
        int heads = model.Handle.HeadCount;
        SessionLimits limits = SessionLimits.Of(options, NativeApi.llama_max_parallel_sequences(), model.Metadata,
            heads > 0 ? model.Handle.EmbeddingSize / heads : 0);
        LLamaContextParams p = LLamaContextParams.Default();
        p.n_ctx = limits.Cells;
        p.n_seq_max = (uint)options.Sequences;
        p.n_batch = limits.Batch;
        p.n_ubatch = limits.MicroBatch;
        p.n_threads = options.Threads;
        p.n_threads_batch = options.Threads;
        p.llama_flash_attn_type = (LLamaFlashAttentionType)limits.FlashAttention;
        p.type_k = (GGMLType)limits.KeyType; // LLamaSharp has no names for some; the numbers are those of the GGUF format
        p.type_v = (GGMLType)limits.ValueType;
        p.swa_full = true; // a cache that drops cells can't be cut back to a prefix
        p.kv_unified = false; // one stream per sequence, as llama-perplexity
        return p;
    }
}
