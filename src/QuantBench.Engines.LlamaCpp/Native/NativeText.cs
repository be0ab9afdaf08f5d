using System.Runtime.InteropServices;

namespace QuantBench.Engines.LlamaCpp.Native;

/// <summary>C strings.</summary>
internal static unsafe class NativeText
{
    /// <summary>The UTF-8 text at a pointer; empty for null.</summary>
    public static string Read(byte* text) => Marshal.PtrToStringUTF8((nint)text) ?? "";
}
