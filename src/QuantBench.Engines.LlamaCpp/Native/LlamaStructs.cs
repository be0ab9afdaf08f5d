using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace QuantBench.Engines.LlamaCpp.Native;

// Layouts of llama.cpp v0.5.0's include/llama.h. Pointers are nint, C bools single bytes. LayoutCheck tells at start whether a build
// agrees.

/// <summary><c>struct llama_model_params</c>, 80 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct llama_model_params
{
    public nint devices;
    public nint tensor_buft_overrides;
    public int n_gpu_layers;
    public llama_split_mode split_mode;
    public llama_load_mode load_mode;
    public int lazy_mode;
    public int main_gpu;
    public nint tensor_split;
    public nint progress_callback;
    public nint progress_callback_user_data;
    public nint kv_overrides;
    public byte vocab_only;
    public byte check_tensors;
    public byte use_extra_bufts;
    public byte no_host;
    public byte no_alloc;
    public byte load_mtp;
}

/// <summary><c>struct llama_context_params</c>, 160 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct llama_context_params
{
    public uint n_ctx;
    public uint n_batch;
    public uint n_ubatch;
    public uint n_seq_max;
    public uint n_rs_seq;
    public uint n_outputs_max;
    public uint n_outputs_max_per_seq;
    public int n_threads;
    public int n_threads_batch;
    public int ctx_type;
    public int rope_scaling_type;
    public int pooling_type;
    public int attention_type;
    public llama_flash_attn_type flash_attn_type;
    public float rope_freq_base;
    public float rope_freq_scale;
    public float yarn_ext_factor;
    public float yarn_attn_factor;
    public float yarn_beta_fast;
    public float yarn_beta_slow;
    public uint yarn_orig_ctx;
    public float defrag_thold;
    public nint cb_eval;
    public nint cb_eval_user_data;
    public ggml_type type_k;
    public ggml_type type_v;
    public nint abort_callback;
    public nint abort_callback_data;
    public byte embeddings;
    public byte offload_kqv;
    public byte no_perf;
    public byte op_offload;
    public byte swa_full;
    public byte kv_unified;
    public nint samplers;
    public nuint n_samplers;
    public nint ctx_other;
}

/// <summary><c>llama_model_quantize_params</c>, 64 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct llama_model_quantize_params
{
    public int nthread;
    public int ftype;
    public ggml_type output_tensor_type;
    public ggml_type token_embedding_type;
    public byte allow_requantize;
    public byte quantize_output_tensor;
    public byte only_copy;
    public byte pure;
    public byte keep_split;
    public byte dry_run;
    public nint imatrix;
    public nint kv_overrides;
    public nint tt_overrides;
    public nint prune_layers;
    public nuint max_buf_size;
}

/// <summary><c>struct llama_model_imatrix_data</c>, 24 bytes; a list ends with a null name.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct llama_model_imatrix_data
{
    public nint name;
    public nint data;
    public nuint size;
}

/// <summary><c>struct llama_model_tensor_override</c>, 16 bytes; a list ends with a null pattern.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct llama_model_tensor_override
{
    public nint pattern;
    public ggml_type type;
}

/// <summary><c>struct llama_model_kv_override</c>, 264 bytes; a list ends with an empty key. The value is the union's raw bytes.</summary>
[StructLayout(LayoutKind.Explicit, Size = 264)]
internal struct llama_model_kv_override
{
    [FieldOffset(0)]
    public llama_model_kv_override_type tag;

    [FieldOffset(4)]
    public Chars128 key;

    [FieldOffset(136)]
    public long val_i64;

    [FieldOffset(136)]
    public Chars128 val_str;
}

/// <summary><c>char[128]</c>.</summary>
[InlineArray(128)]
internal struct Chars128
{
    private byte _first;
}

/// <summary><c>llama_batch</c>, 56 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct llama_batch
{
    public int n_tokens;
    public int* token;
    public float* embd;
    public int* pos;
    public int* n_seq_id;
    public int** seq_id;
    public sbyte* logits;
}
