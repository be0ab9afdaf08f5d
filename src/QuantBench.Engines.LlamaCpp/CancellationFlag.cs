using System.Runtime.InteropServices;

namespace QuantBench.Engines.LlamaCpp;

/// <summary>One byte of native memory that llama.cpp's abort callback reads between graph nodes: no managed object is touched
/// there.</summary>
internal sealed unsafe class CancellationFlag : IDisposable
{
    private byte* _set = (byte*)NativeMemory.AllocZeroed(1);

    /// <summary>What the callback is given.</summary>
    public nint Address => (nint)_set;

    /// <summary>Asks for the abort.</summary>
    public void Set() => Volatile.Write(ref *_set, 1);

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.Free(_set);
        _set = null;
    }

    /// <summary><c>ggml_abort_callback</c>.</summary>
    [UnmanagedCallersOnly]
    internal static byte OnAsked(nint address) => Volatile.Read(ref *(byte*)address);
}
