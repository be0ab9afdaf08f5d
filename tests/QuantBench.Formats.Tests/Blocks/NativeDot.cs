using System.Runtime.InteropServices;
using QuantBench.TestKit;

namespace QuantBench.Formats.Tests.Blocks;

/// <summary>ggml's dot product of Q4_1 and Q8_1, the only exported function that reads Q8_1 blocks.</summary>
internal static class NativeDot
{
    private static readonly VecDot s_function = Load();

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate void VecDot(int n, out float sum, nuint sumStride, in byte x, nuint xStride, in byte y, nuint yStride, int rows);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate void Initialise();

    /// <summary>One element of a Q8_1 block: its product with a Q4_1 block that is 1 there and 0 elsewhere.</summary>
    public static float Element(ReadOnlySpan<byte> block, int index)
    {
        // Q4_1: scale 1.0 and minimum 0 as halves, then elements 0 to 15 in low nibbles, 16 to 31 in high ones.
        Span<byte> oneHot = stackalloc byte[20];
        oneHot.Clear();
        oneHot[1] = 0x3C;
        oneHot[4 + (index % 16)] = (byte)(index < 16 ? 0x01 : 0x10);
        s_function(32, out float sum, 0, in oneHot[0], 0, in block[0], 0, 1);
        return sum;
    }

    private static VecDot Load()
    {
        nint library = NativeLibrary.Load(NpmPackages.LlamaCpp("libggml-cpu-x64.so"));

        // Fills the table by which this build reads halves.
        Marshal.GetDelegateForFunctionPointer<Initialise>(NativeLibrary.GetExport(library, "ggml_cpu_init"))();
        return Marshal.GetDelegateForFunctionPointer<VecDot>(NativeLibrary.GetExport(library, "ggml_vec_dot_q4_1_q8_1_generic"));
    }
}
