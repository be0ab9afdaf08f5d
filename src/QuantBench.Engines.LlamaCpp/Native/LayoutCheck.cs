using System.Runtime.CompilerServices;

namespace QuantBench.Engines.LlamaCpp.Native;

/// <summary>
/// Whether a loaded build lays its structs out as ours are: the defaults that its headers document must land in the right fields. A field
/// that was added, dropped or moved shifts some default onto a field where it isn't expected.
/// </summary>
internal static unsafe class LayoutCheck
{
    /// <summary>Number of <c>GGML_OP_MUL_MAT</c> in ggml's operator table.</summary>
    public const int MulMat = 29;

    /// <summary>Number of <c>GGML_OP_MUL_MAT_ID</c>.</summary>
    public const int MulMatId = 30;

    private const int ObjectOverhead = 32;
    private const ulong EightGiB = 8UL << 30;

    /// <summary>The first struct that doesn't fit, or null when all do.</summary>
    public static string? FirstMismatch()
    {
        if (!Fits(NativeParameters.Model())) return "llama_model_params";
        if (!Fits(NativeParameters.Context())) return "llama_context_params";
        if (!Fits(NativeParameters.Quantize())) return "llama_model_quantize_params";
        if (!Fits(NativeMethods.ggml_threadpool_params_default(3))) return "ggml_threadpool_params";
        if (NativeMethods.ggml_tensor_overhead() != (nuint)(sizeof(ggml_tensor) + ObjectOverhead)) return "ggml_tensor";
        if (NativeText.Read(NativeMethods.ggml_op_name(MulMat)) != "MUL_MAT"
            || NativeText.Read(NativeMethods.ggml_op_name(MulMatId)) != "MUL_MAT_ID")
        {
            return "ggml_op";
        }

        return TypesFit() ? null : "ggml_type";
    }

    internal static bool Fits(in llama_model_params p) =>
        p is
        {
            devices: 0, tensor_buft_overrides: 0, n_gpu_layers: -1, split_mode: llama_split_mode.LAYER, main_gpu: 0
        }
        && (NativeParameters.Earlier ? p is { load_mode: llama_load_mode.MMAP, lazy_mode: 0 }
            : p is { load_mode: llama_load_mode.AUTO, lazy_mode: 1 })
        && p is { tensor_split: 0, progress_callback: 0, progress_callback_user_data: 0, kv_overrides: 0 }
        && p is { vocab_only: 0, check_tensors: 0, use_extra_bufts: 1, no_host: 0, no_alloc: 0, load_mtp: 0 };

    internal static bool Fits(in llama_context_params p) =>
        p is
        {
            n_ctx: 512, n_batch: 2048, n_ubatch: 512, n_seq_max: 1, n_rs_seq: 0, n_outputs_max: 0, n_threads: 4, n_threads_batch: 4
        }
        && p.n_outputs_max_per_seq == (NativeParameters.Earlier ? 0 : 1)
        && p is { ctx_type: 0, rope_scaling_type: -1, pooling_type: -1, attention_type: -1, flash_attn_type: llama_flash_attn_type.AUTO }
        && p is
        {
            rope_freq_base: 0, rope_freq_scale: 0, yarn_ext_factor: -1, yarn_attn_factor: -1, yarn_beta_fast: -1, yarn_beta_slow: -1,
            yarn_orig_ctx: 0, defrag_thold: -1
        }
        && p is
        {
            cb_eval: 0, cb_eval_user_data: 0, type_k: ggml_type.F16, type_v: ggml_type.F16, abort_callback: 0,
            abort_callback_data: 0
        }
        && p is
        {
            embeddings: 0, offload_kqv: 1, no_perf: 1, op_offload: 1, swa_full: 1, kv_unified: 0, samplers: 0, n_samplers: 0,
            ctx_other: 0
        };

    internal static bool Fits(in llama_model_quantize_params p) =>
        p is { nthread: 0, ftype: 7, output_tensor_type: ggml_type.COUNT, token_embedding_type: ggml_type.COUNT }
        && p is { allow_requantize: 0, quantize_output_tensor: 1, only_copy: 0, pure: 0, keep_split: 0, dry_run: 0 }
        && p is { imatrix: 0, kv_overrides: 0, tt_overrides: 0, prune_layers: 0 }
        && p.max_buf_size == (NativeParameters.Earlier ? 0 : EightGiB);

    private static bool Fits(in ggml_threadpool_params p) =>
        p is { n_threads: 3, prio: 0, poll: 50, strict_cpu: 0, paused: 0 } && !((ReadOnlySpan<byte>)p.cpumask).ContainsAnyExcept((byte)0);

    private static bool TypesFit()
    {
        foreach (ggml_type type in Enum.GetValues<ggml_type>())
        {
            if (type != ggml_type.COUNT
                && !string.Equals(NativeText.Read(NativeMethods.ggml_type_name(type)), type.ToString(), StringComparison.OrdinalIgnoreCase))
            {
                return false;
            }
        }

        return Unsafe.SizeOf<llama_model_kv_override>() == 264; // a struct of ours alone: no function hands one out
    }
}
