using System.Runtime.InteropServices;
using QuantBench.Formats.Gguf;
using QuantBench.TestKit;

namespace QuantBench.Formats.Tests.Blocks;

/// <summary>The row functions of the pinned native llama.cpp build: the independent source for every block type.</summary>
internal static class NativeGgml
{
    private static readonly nint s_library = Load();

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate void DequantizeRow(in byte blocks, ref float output, long elements);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate void QuantizeRow(in float values, ref byte blocks, long elements);

    /// <summary>Decodes rows as ggml does.</summary>
    public static void Dequantize(GgmlType type, ReadOnlySpan<byte> blocks, Span<float> output)
    {
        string name = type switch
        {
            GgmlType.F16 => "ggml_fp16_to_fp32_row",
            GgmlType.BF16 => "ggml_bf16_to_fp32_row",
            _ => $"dequantize_row_{Lower(type)}",
        };
        var function = Marshal.GetDelegateForFunctionPointer<DequantizeRow>(NativeLibrary.GetExport(s_library, name));
        function(in MemoryMarshal.GetReference(blocks), ref MemoryMarshal.GetReference(output), output.Length);
    }

    /// <summary>Encodes rows with ggml's reference functions.</summary>
    public static void Quantize(GgmlType type, ReadOnlySpan<float> values, Span<byte> blocks)
    {
        string name = type switch
        {
            GgmlType.F16 => "ggml_fp32_to_fp16_row",
            GgmlType.BF16 => "ggml_fp32_to_bf16_row_ref",
            _ => $"quantize_row_{Lower(type)}_ref",
        };
        var function = Marshal.GetDelegateForFunctionPointer<QuantizeRow>(NativeLibrary.GetExport(s_library, name));
        function(in MemoryMarshal.GetReference(values), ref MemoryMarshal.GetReference(blocks), values.Length);
    }

    private static string Lower(GgmlType type) => type.ToString().ToLowerInvariant().Replace("_k", "_K", StringComparison.Ordinal);

    private static nint Load()
    {
        string path = NpmPackages.LlamaCpp("libggml-base.so");
        if (!File.Exists(path))
            throw new FileNotFoundException("The native build is missing; run `npm ci` in src/QuantBench.Engines.LlamaCpp/natives/cpu.",
                path);
        return NativeLibrary.Load(path);
    }
}
