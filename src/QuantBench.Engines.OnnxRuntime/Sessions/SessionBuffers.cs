using Microsoft.ML.OnnxRuntime;
using QuantBench.Engines.OnnxRuntime.Models;

namespace QuantBench.Engines.OnnxRuntime.Sessions;

/// <summary>Memory that a session with a shared cache hands to ONNX Runtime; made once, logits grow.</summary>
internal sealed class SessionBuffers : IDisposable
{
    private readonly int _rowBytes;

    /// <param name="session">The model.</param>
    /// <param name="signature">Its inputs and outputs.</param>
    /// <param name="options">Sizes.</param>
    /// <param name="useAllocator">Whether the cache comes from the provider's allocator even where it lies on the host.</param>
    public SessionBuffers(InferenceSession session, DecoderSignature signature, Inference.Engines.SessionOptions options, bool useAllocator)
    {
        ContextLength = options.ContextLength;
        int idBytes = DecoderSignature.SizeOf(signature.IdType);
        long tokens = Math.Max(Math.Min(options.MicroBatchTokens, options.BatchTokens), options.Sequences);
        Ids = new NativeBlock(tokens * idBytes);
        Positions = new NativeBlock(tokens * idBytes);
        Mask = new NativeBlock(checked((long)options.Sequences * Math.Max(options.ContextLength, options.MicroBatchTokens) * idBytes));
        True = new NativeBlock(1);
        True.Span<byte>(1)[0] = 1;
        Cache = CacheMemory.Make(session, signature, options, useAllocator);
        _rowBytes = checked(signature.VocabularySize * DecoderSignature.SizeOf(signature.LogitsType));
        Logits = new NativeBlock(_rowBytes);
    }

    /// <summary>Tokens a sequence can hold.</summary>
    public int ContextLength { get; }

    /// <summary>Token ids.</summary>
    public NativeBlock Ids { get; }

    /// <summary>Positions.</summary>
    public NativeBlock Positions { get; }

    /// <summary>Attention mask.</summary>
    public NativeBlock Mask { get; }

    /// <summary>One byte that is true.</summary>
    public NativeBlock True { get; }

    /// <summary>Keys and values.</summary>
    public CacheMemory Cache { get; }

    /// <summary>Logits of the largest run so far.</summary>
    public NativeBlock Logits { get; private set; }

    /// <summary>Bytes beside the cache.</summary>
    public long Bytes => Ids.Bytes + Positions.Bytes + Mask.Bytes + True.Bytes + Logits.Bytes;

    /// <summary>Makes room for logits.</summary>
    /// <param name="rows">Rows of one run.</param>
    /// <returns>Whether the memory moved, so that earlier bindings no longer hold.</returns>
    public bool GrowLogits(int rows)
    {
        long wanted = (long)rows * _rowBytes;
        if (wanted <= Logits.Bytes) return false;
        Logits.Dispose();
        Logits = new NativeBlock(wanted);
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Ids.Dispose();
        Positions.Dispose();
        Mask.Dispose();
        True.Dispose();
        Cache.Dispose();
        Logits.Dispose();
    }
}
