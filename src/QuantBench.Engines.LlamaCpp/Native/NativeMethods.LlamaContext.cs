using System.Runtime.InteropServices;

namespace QuantBench.Engines.LlamaCpp.Native;

/// <content>include/llama.h: contexts, memory, decoding.</content>
internal static unsafe partial class NativeMethods
{
    [LibraryImport(Llama)]
    internal static partial SafeLlamaContext llama_init_from_model(SafeLlamaModel model, llama_context_params @params);

    [LibraryImport(Llama)]
    internal static partial void llama_free(nint ctx);

    [LibraryImport(Llama)]
    internal static partial nint llama_get_memory(SafeLlamaContext ctx);

    [LibraryImport(Llama)]
    internal static partial void llama_memory_clear(nint mem, [MarshalAs(UnmanagedType.U1)] bool data);

    [LibraryImport(Llama)]
    [return: MarshalAs(UnmanagedType.U1)]
    internal static partial bool llama_memory_seq_rm(nint mem, int seq_id, int p0, int p1);

    [LibraryImport(Llama)]
    internal static partial llama_batch llama_batch_init(int n_tokens, int embd, int n_seq_max);

    [LibraryImport(Llama)]
    internal static partial void llama_batch_free(llama_batch batch);

    [LibraryImport(Llama)]
    internal static partial DecodeStatus llama_decode(SafeLlamaContext ctx, llama_batch batch);

    [LibraryImport(Llama)]
    internal static partial void llama_synchronize(SafeLlamaContext ctx);

    [LibraryImport(Llama)]
    internal static partial float* llama_get_logits(SafeLlamaContext ctx);

    [LibraryImport(Llama)]
    internal static partial void llama_attach_threadpool(SafeLlamaContext ctx, nint threadpool, nint threadpool_batch);
}
