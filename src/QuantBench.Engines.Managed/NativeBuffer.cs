using System.Runtime.InteropServices;

namespace QuantBench.Engines.Managed;

/// <summary>
/// Zeroed memory outside the garbage-collected heap, aligned to cache lines, so that kernels can hold pointers into it. Large buffers take
/// physical memory only where they are touched.
/// </summary>
internal sealed unsafe class NativeBuffer : IDisposable
{
    private const int CacheLine = 64;

    private readonly void* _start;
    private void* _allocation;

    /// <param name="bytes">Size; 0 is allowed.</param>
    /// <param name="hugePages">Asks for pages of 2 MiB: for weights, which are read from end to end.</param>
    public NativeBuffer(long bytes, bool hugePages = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        Bytes = bytes;

        // 64 bytes more than asked for: kernels may read one vector past the end. The system hands out large blocks zeroed, so nothing is
        // cleared.
        nuint alignment = (nuint)(hugePages ? ResidentPages.HugePage : CacheLine);
        nuint size = (nuint)bytes + CacheLine;
        _allocation = NativeMemory.AllocZeroed(size + alignment);
        _start = (void*)(((nuint)_allocation + alignment - 1) / alignment * alignment);
        if (hugePages) ResidentPages.PreferHuge((byte*)_start, bytes);
    }

    /// <summary>Bytes asked for.</summary>
    public long Bytes { get; }

    /// <summary>The first byte, as a pointer to elements.</summary>
    public T* As<T>()
        where T : unmanaged => (T*)_start;

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        NativeMemory.Free(_allocation);
        _allocation = null;
    }
}
