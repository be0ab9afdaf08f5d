using System.Runtime.InteropServices;

namespace QuantBench.Engines.LlamaCpp.Native;

/// <summary>
/// Parameter structs at the border to native code. Ours are v0.5.0's; the build that LLamaSharp 0.30.0 brings (llama.cpp 815a2a5) lacks one
/// field of each, so what it hands out is widened and what it is given is narrowed. Of the context's struct both layouts have the same
/// size: only the build's name tells them apart.
/// </summary>
internal static class NativeParameters
{
    /// <summary>Commit of the earlier layout, as <c>ggml_commit</c> tells it.</summary>
    public const string EarlierCommit = "815a2a5";

    /// <summary>Whether the loaded build has the earlier layout. Set once, when it is loaded: there is one build per process.</summary>
    public static bool Earlier { get; set; }

    /// <summary><c>llama_model_default_params</c>.</summary>
    public static llama_model_params Model()
    {
        llama_model_params p = NativeMethods.llama_model_default_params();
        if (Earlier) Widen(ref p);
        return p;
    }

    /// <summary><c>llama_context_default_params</c>.</summary>
    public static llama_context_params Context()
    {
        llama_context_params p = NativeMethods.llama_context_default_params();
        if (Earlier) Widen(ref p);
        return p;
    }

    /// <summary><c>llama_model_quantize_default_params</c>. The earlier layout ends before <c>max_buf_size</c>.</summary>
    public static llama_model_quantize_params Quantize()
    {
        llama_model_quantize_params p = NativeMethods.llama_model_quantize_default_params();
        if (Earlier) p.max_buf_size = 0;
        return p;
    }

    /// <summary><c>llama_model_load_from_file</c>.</summary>
    public static SafeLlamaModel Load(string path, llama_model_params parameters)
    {
        if (Earlier) Narrow(ref parameters);
        return NativeMethods.llama_model_load_from_file(path, parameters);
    }

    /// <summary><c>llama_init_from_model</c>.</summary>
    public static SafeLlamaContext Start(SafeLlamaModel model, llama_context_params parameters)
    {
        if (Earlier) Narrow(ref parameters);
        return NativeMethods.llama_init_from_model(model, parameters);
    }

    /// <summary>From the earlier layout, where <c>main_gpu</c> lies in <c>lazy_mode</c>'s place and the pointers follow at once.</summary>
    internal static void Widen(ref llama_model_params p)
    {
        Span<byte> bytes = Bytes(ref p);
        bytes[32..72].CopyTo(bytes[40..]);
        p.main_gpu = p.lazy_mode;
        p.lazy_mode = 0;
    }

    /// <summary>To the earlier layout.</summary>
    internal static void Narrow(ref llama_model_params p)
    {
        Span<byte> bytes = Bytes(ref p);
        p.lazy_mode = p.main_gpu;
        bytes[40..80].CopyTo(bytes[32..]);
    }

    /// <summary>From the earlier layout, which lacks <c>n_outputs_max_per_seq</c> and has a hole before the pointers.</summary>
    internal static void Widen(ref llama_context_params p)
    {
        Span<byte> bytes = Bytes(ref p);
        bytes[24..84].CopyTo(bytes[28..]);
        p.n_outputs_max_per_seq = 0;
    }

    /// <summary>To the earlier layout.</summary>
    internal static void Narrow(ref llama_context_params p)
    {
        Span<byte> bytes = Bytes(ref p);
        bytes[28..88].CopyTo(bytes[24..]);
    }

    private static Span<byte> Bytes<T>(ref T p)
        where T : unmanaged => MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref p, 1));
}
