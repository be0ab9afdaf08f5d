using System.Globalization;
using QuantBench.Core.Errors;
using QuantBench.Engines.LlamaCpp.Native;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.LlamaCpp.Sessions;

/// <summary>Session options in llama.cpp's terms, whichever binding hands them on; what native code would answer with an abort is refused
/// first.</summary>
/// <param name="Cells">Cells of the KV cache.</param>
/// <param name="Batch">Most tokens of a batch.</param>
/// <param name="MicroBatch">Most tokens computed at once.</param>
/// <param name="KvType">Type of the KV cache.</param>
/// <param name="FlashAttention">The wish for flash attention.</param>
internal readonly record struct SessionLimits(uint Cells, uint Batch, uint MicroBatch, ggml_type KvType,
    llama_flash_attn_type FlashAttention)
{
    private const int BlockLength = 32; // of every quantized type below

    private static readonly Dictionary<string, ggml_type> s_kvTypes = new()
    {
        ["f32"] = ggml_type.F32,
        ["f16"] = ggml_type.F16,
        ["bf16"] = ggml_type.BF16,
        ["q8_0"] = ggml_type.Q8_0,
        ["q5_1"] = ggml_type.Q5_1,
        ["q5_0"] = ggml_type.Q5_0,
        ["q4_1"] = ggml_type.Q4_1,
        ["q4_0"] = ggml_type.Q4_0,
        ["iq4_nl"] = ggml_type.IQ4_NL,
    };

    /// <summary>Whether a <c>kv_type</c> stores blocks, which llama.cpp reads in flash attention only.</summary>
    public static bool IsQuantized(string kvType) => kvType is not ("f32" or "f16" or "bf16");

    /// <summary>Translates and checks.</summary>
    /// <param name="options">The options.</param>
    /// <param name="mostSequences">Sequences that the build can hold.</param>
    /// <param name="metadata">Values of the model's metadata as text.</param>
    /// <param name="headSize">Width of a head where the metadata doesn't say.</param>
    /// <exception cref="UnsupportedException">The options don't fit the model or llama.cpp.</exception>
    public static SessionLimits Of(SessionOptions options, long mostSequences, Func<string, string?> metadata, int headSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ContextLength, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Sequences, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.BatchTokens, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MicroBatchTokens, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Threads, 1);
        if (options.Sequences > mostSequences)
        {
            throw new UnsupportedException(null, $"llama.cpp holds at most {mostSequences} sequences, not {options.Sequences}.",
                "Lower n_batch or raise n_ctx.");
        }

        long cells = (long)options.ContextLength * options.Sequences;
        if (cells > int.MaxValue)
        {
            throw new UnsupportedException(null,
                $"A context of {options.ContextLength} tokens × {options.Sequences} sequences is more than llama.cpp can number.");
        }

        llama_flash_attn_type flash = options.FlashAttention switch
        {
            "auto" => llama_flash_attn_type.AUTO,
            "on" => llama_flash_attn_type.ENABLED,
            "off" => llama_flash_attn_type.DISABLED,
            _ => throw new EngineException($"flash_attention '{options.FlashAttention}' is none of auto, on, off."),
        };
        if (!s_kvTypes.TryGetValue(options.KvType, out ggml_type kv))
            throw new EngineException($"kv_type '{options.KvType}' is none of {string.Join(", ", s_kvTypes.Keys)}.");
        if (IsQuantized(options.KvType)) CheckBlocks(options.KvType, flash, metadata, headSize);

        // Its output table must hold a row per sequence, or it aborts.
        uint batch = (uint)Math.Max(options.BatchTokens, options.Sequences);
        return new SessionLimits((uint)cells, batch, Math.Min((uint)options.MicroBatchTokens, batch), kv, flash);
    }

    private static void CheckBlocks(string name, llama_flash_attn_type flash, Func<string, string?> metadata, int headSize)
    {
        if (flash == llama_flash_attn_type.DISABLED)
        {
            throw new UnsupportedException(null,
                $"A KV cache of type {name} needs flash attention in llama.cpp, but flash_attention is off.",
                "Set flash_attention to auto or on, or kv_type to f16.");
        }

        string architecture = metadata("general.architecture") ?? "";
        foreach (string part in new[] { "key_length", "value_length" })
        {
            int size = int.TryParse(metadata($"{architecture}.attention.{part}"), CultureInfo.InvariantCulture, out int given) ? given
                : headSize;
            if (size % BlockLength != 0)
            {
                throw new UnsupportedException(null,
                    $"A KV cache of type {name} stores blocks of {BlockLength}, which don't divide this model's head size {size}.",
                    "Set kv_type to f16.");
            }
        }
    }
}
