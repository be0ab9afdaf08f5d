using System.Runtime.InteropServices;

namespace QuantBench.Engines.Managed;

/// <summary>Zeroed memory outside the garbage-collected heap, aligned to cache lines, so that kernels can hold pointers into it.</summary>
internal sealed unsafe class NativeBuffer : IDisposable
{
    private void* _start;

    /// <param name="bytes">Size; 0 is allowed.</param>
    public NativeBuffer(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        Bytes = bytes;

        // 64 bytes more than asked for: kernels may read one vector past the end.
        nuint size = (nuint)bytes + 64;
        _start = NativeMemory.AlignedAlloc(size, 64);
        NativeMemory.Clear(_start, size);
    }

    /// <summary>Bytes asked for.</summary>
    public long Bytes { get; }

    /// <summary>The first byte, as a pointer to elements.</summary>
    public T* As<T>()
        where T : unmanaged => (T*)_start;

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        if (_start is null) return;
        NativeMemory.AlignedFree(_start);
        _start = null;
    }
}
