using System.Globalization;
using QuantBench.Core.Errors;
using QuantBench.Core.Settings;
using QuantBench.Engines.LlamaCpp.Native;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.LlamaCpp.Sessions;

/// <summary>Session options in llama.cpp's terms, whichever binding hands them on; what native code would answer with an abort is refused
/// first.</summary>
/// <param name="Cells">Cells of the KV cache.</param>
/// <param name="Batch">Most tokens of a batch.</param>
/// <param name="MicroBatch">Most tokens computed at once.</param>
/// <param name="KeyType">Type of the keys in the KV cache.</param>
/// <param name="ValueType">Type of the values in the KV cache.</param>
/// <param name="FlashAttention">The wish for flash attention.</param>
internal readonly record struct SessionLimits(uint Cells, uint Batch, uint MicroBatch, ggml_type KeyType, ggml_type ValueType,
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

    /// <summary>Whether the cache's settings ask for what llama.cpp can't do: values stored in blocks are read in flash attention
    /// only.</summary>
    /// <param name="settings">A cell's settings.</param>
    public static (string Problem, string Hint)? Check(CellSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        string values = KvTypes.OfValues(settings);
        return settings.Text("flash_attention") == "off" && IsQuantized(values)
            ? ($"kv_type {values} needs flash attention, which is off", "set flash_attention: auto, or kv_type: f16") : null;
    }

    /// <summary>Whether a <c>kv_type</c> stores blocks.</summary>
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
        string valueType = options.KvTypeOfValues ?? options.KvType;
        if (IsQuantized(valueType) && flash == llama_flash_attn_type.DISABLED)
        {
            throw new UnsupportedException(null,
                $"A KV cache of type {valueType} needs flash attention in llama.cpp, but flash_attention is off.",
                "Set flash_attention to auto or on, or kv_type to f16.");
        }

        ggml_type keys = TypeOf(options.KvType, "key_length", metadata, headSize);
        ggml_type values = TypeOf(valueType, "value_length", metadata, headSize);

        // Its output table must hold a row per sequence, or it aborts.
        uint batch = (uint)Math.Max(options.BatchTokens, options.Sequences);
        return new SessionLimits((uint)cells, batch, Math.Min((uint)options.MicroBatchTokens, batch), keys, values, flash);
    }

    private static ggml_type TypeOf(string name, string part, Func<string, string?> metadata, int headSize)
    {
        if (!s_kvTypes.TryGetValue(name, out ggml_type type))
            throw new EngineException($"kv_type '{name}' is none of {string.Join(", ", s_kvTypes.Keys)}.");
        string architecture = metadata("general.architecture") ?? "";
        int size = int.TryParse(metadata($"{architecture}.attention.{part}"), CultureInfo.InvariantCulture, out int given) ? given
            : headSize;
        return !IsQuantized(name) || size % BlockLength == 0 ? type : throw new UnsupportedException(null,
            $"A KV cache of type {name} stores blocks of {BlockLength}, which don't divide this model's head size {size}.",
            "Set kv_type to f16.");
    }
}
