using System.Runtime.InteropServices;

namespace QuantBench.Engines.LlamaCpp.Native;

/// <content>ggml/include/gguf.h: what importance matrix files need.</content>
internal static unsafe partial class NativeMethods
{
    [LibraryImport(GgmlBase)]
    internal static partial nint gguf_init_empty();

    [LibraryImport(GgmlBase, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint gguf_init_from_file(string fname, gguf_init_params @params);

    [LibraryImport(GgmlBase)]
    internal static partial void gguf_free(nint ctx);

    [LibraryImport(GgmlBase, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial long gguf_find_key(nint ctx, string key);

    [LibraryImport(GgmlBase)]
    internal static partial int gguf_get_kv_type(nint ctx, long key_id);

    [LibraryImport(GgmlBase)]
    internal static partial int gguf_get_arr_type(nint ctx, long key_id);

    [LibraryImport(GgmlBase)]
    internal static partial nuint gguf_get_arr_n(nint ctx, long key_id);

    [LibraryImport(GgmlBase)]
    internal static partial byte* gguf_get_arr_str(nint ctx, long key_id, nuint i);

    [LibraryImport(GgmlBase)]
    internal static partial uint gguf_get_val_u32(nint ctx, long key_id);

    [LibraryImport(GgmlBase)]
    internal static partial long gguf_get_n_tensors(nint ctx);

    [LibraryImport(GgmlBase)]
    internal static partial byte* gguf_get_tensor_name(nint ctx, long tensor_id);

    [LibraryImport(GgmlBase, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial void gguf_set_val_u32(nint ctx, string key, uint val);

    [LibraryImport(GgmlBase, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial void gguf_set_val_str(nint ctx, string key, string val);

    [LibraryImport(GgmlBase, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial void gguf_set_arr_str(nint ctx, string key, byte** data, nuint n);

    [LibraryImport(GgmlBase)]
    internal static partial void gguf_add_tensor(nint ctx, ggml_tensor* tensor);

    [LibraryImport(GgmlBase, StringMarshalling = StringMarshalling.Utf8)]
    [return: MarshalAs(UnmanagedType.U1)]
    internal static partial bool gguf_write_to_file(nint ctx, string fname, [MarshalAs(UnmanagedType.U1)] bool only_meta);
}
