namespace QuantBench.Engines.LlamaCpp.Native;

// Values of llama.cpp v0.5.0's include/llama.h; only those that are used.

internal enum llama_split_mode
{
    NONE = 0,
    LAYER = 1,
}

internal enum llama_load_mode
{
    AUTO = -1,
    NONE = 0,
    MMAP = 1,
}

internal enum llama_flash_attn_type
{
    AUTO = -1,
    DISABLED = 0,
    ENABLED = 1,
}

internal enum llama_model_kv_override_type
{
    INT = 0,
    FLOAT = 1,
    BOOL = 2,
    STR = 3,
}

/// <summary>What <c>llama_decode</c> answers.</summary>
internal enum DecodeStatus
{
    /// <summary>Fatal; part of the batch may lie in the cache.</summary>
    ComputeFailed = -3,

    /// <summary>Fatal, mostly for want of memory.</summary>
    AllocationFailed = -2,

    /// <summary>The batch is malformed; the cache is as before.</summary>
    InvalidBatch = -1,

    /// <summary>Done.</summary>
    Ok = 0,

    /// <summary>No room in the KV cache; the cache is as before.</summary>
    NoKvSlot = 1,

    /// <summary>The abort callback said so; part of the batch may lie in the cache.</summary>
    Aborted = 2,
}
