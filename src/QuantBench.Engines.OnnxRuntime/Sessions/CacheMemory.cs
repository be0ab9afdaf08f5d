using Microsoft.ML.OnnxRuntime;
using QuantBench.Engines.OnnxRuntime.Models;

namespace QuantBench.Engines.OnnxRuntime.Sessions;

/// <summary>
/// Keys and values of all layers: per layer and kind one block [sequences, heads, context, head size], so that neighbouring sequences are
/// one tensor. It lies where the provider wants its inputs: in plain memory for the CPU, else in memory of the provider's own allocator.
/// </summary>
internal sealed unsafe class CacheMemory : IDisposable
{
    private readonly NativeBlock[] _blocks;
    private readonly OrtValue[] _allocated;
    private readonly IDisposable[] _owned;
    private readonly nint[] _pointers;
    private readonly nint _sequenceBytes;

    private CacheMemory(OrtMemoryInfo place, nint sequenceBytes, nint[] pointers, NativeBlock[] blocks, OrtValue[] allocated,
        IDisposable[] owned, bool onHost) =>
        (Place, _sequenceBytes, _pointers, _blocks, _allocated, _owned, OnHost) = (place, sequenceBytes, pointers, blocks, allocated, owned,
            onHost);

    /// <summary>Where it lies.</summary>
    public OrtMemoryInfo Place { get; }

    /// <summary>Whether it is memory of the host.</summary>
    public bool OnHost { get; }

    /// <summary>Its size.</summary>
    public long Bytes { get; private init; }

    /// <summary>Makes it.</summary>
    /// <param name="session">The model; says where its inputs are wanted.</param>
    /// <param name="signature">Heads, head size, type, layers.</param>
    /// <param name="options">Sequences and context length.</param>
    /// <param name="useAllocator">Whether the provider's allocator is used even on the host.</param>
    public static CacheMemory Make(InferenceSession session, DecoderSignature signature, Inference.Engines.SessionOptions options,
        bool useAllocator)
    {
        long sequenceBytes =
            checked((long)signature.CacheHeads * options.ContextLength * signature.HeadSize * DecoderSignature.SizeOf(signature.CacheType));
        long blockBytes = checked(sequenceBytes * options.Sequences);
        int count = signature.Layers.Length * 2;
        // Freed with the session's memory: the place is asked for as long as runs are bound.
        IDisposableReadOnlyCollection<OrtMemoryInfo> places = session.GetMemoryInfosForInputs();
        OrtMemoryInfo place = places[session.InputNames.ToList().IndexOf(signature.Layers[0].PastKey)];
        bool onHost = place.GetDeviceType() == OrtMemoryInfoDeviceType.CPU;
        if (onHost && !useAllocator)
        {
            places.Dispose();
            NativeBlock[] blocks = [.. Enumerable.Range(0, count).Select(_ => new NativeBlock(blockBytes))];
            return new CacheMemory(OrtMemoryInfo.DefaultInstance, (nint)sequenceBytes, [.. blocks.Select(b => b.Pointer)], blocks, [], [],
                true)
            { Bytes = blockBytes * count };
        }

        var allocator = new OrtAllocator(session, place);
        long[] shape = [options.Sequences, signature.CacheHeads, options.ContextLength, signature.HeadSize];
        OrtValue[] values = [
            .. Enumerable.Range(0, count).Select(_ => OrtValue.CreateAllocatedTensorValue(allocator, signature.CacheType, shape))];
        return new CacheMemory(place, (nint)sequenceBytes, [.. values.Select(Address)], [], values, [allocator, places],
            onHost)
        { Bytes = blockBytes * count };
    }

    /// <summary>Keys of a layer, from a sequence on.</summary>
    public nint Key(int layer, int sequence) => _pointers[layer * 2] + (sequence * _sequenceBytes);

    /// <summary>Values of a layer, from a sequence on.</summary>
    public nint Value(int layer, int sequence) => _pointers[(layer * 2) + 1] + (sequence * _sequenceBytes);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (NativeBlock block in _blocks) block.Dispose();
        foreach (OrtValue value in _allocated) value.Dispose();
        foreach (IDisposable owned in _owned) owned.Dispose();
    }

    // The span is only a way to the address, which may be a device's: it is never read.
    private static nint Address(OrtValue value)
    {
        fixed (byte* data = value.GetTensorMutableRawData()) return (nint)data;
    }
}
