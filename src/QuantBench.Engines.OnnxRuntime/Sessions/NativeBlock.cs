using System.Runtime.InteropServices;

namespace QuantBench.Engines.OnnxRuntime.Sessions;

/// <summary>Zeroed memory outside the managed heap, 64-byte aligned. Pages count as resident only once they are written.</summary>
internal sealed unsafe class NativeBlock : IDisposable
{
    private const int Alignment = 64;

    private void* _memory;

    /// <param name="bytes">At least 0.</param>
    public NativeBlock(long bytes)
    {
        Bytes = bytes;
        _memory = NativeMemory.AllocZeroed(checked((nuint)bytes + Alignment));
        Pointer = ((nint)_memory + Alignment - 1) & -Alignment;
    }

    /// <summary>Its size.</summary>
    public long Bytes { get; }

    /// <summary>Its first byte.</summary>
    public nint Pointer { get; }

    /// <summary>Elements from its start on.</summary>
    /// <param name="count">How many; they must fit.</param>
    public Span<T> Span<T>(int count) where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)count * sizeof(T), Bytes);
        return new Span<T>((void*)Pointer, count);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.Free(_memory);
        _memory = null;
    }
}
