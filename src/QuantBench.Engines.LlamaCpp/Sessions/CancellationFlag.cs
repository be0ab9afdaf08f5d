using System.Runtime.InteropServices;

namespace QuantBench.Engines.LlamaCpp.Sessions;

/// <summary>
/// Native memory that llama.cpp's abort callback reads before every graph node, of which a small model's token has hundreds: a call into
/// managed code would cost several times what the reading does. So the callback is the C library's <c>strlen</c>, and the flag a text of
/// one character or none.
/// </summary>
internal sealed unsafe class CancellationFlag : IDisposable
{
    private static readonly string[] s_libraries = ["libc.so.6", "libSystem.dylib", "ucrtbase.dll"];

    private byte* _set = (byte*)NativeMemory.AllocZeroed(2); // the flag, and the text's end

    /// <summary><c>ggml_abort_callback</c>: its answer is the low byte of what it returns.</summary>
    public static nint Callback { get; } = FindCallback();

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

    private static nint FindCallback()
    {
        foreach (string library in s_libraries)
        {
            if (NativeLibrary.TryLoad(library, out nint handle) && NativeLibrary.TryGetExport(handle, "strlen", out nint length))
                return length;
        }

        return (nint)(delegate* unmanaged<nint, byte>)&OnAsked;
    }

    [UnmanagedCallersOnly]
    private static byte OnAsked(nint address) => Volatile.Read(ref *(byte*)address);
}
