using System.Runtime.InteropServices;

namespace QuantBench.Engines.LlamaCpp.Native;

/// <content>ggml/include/ggml.h and ggml-backend.h: build, log, contexts, devices.</content>
internal static unsafe partial class NativeMethods
{
    [LibraryImport(GgmlBase)]
    internal static partial byte* ggml_version();

    [LibraryImport(GgmlBase)]
    internal static partial byte* ggml_commit();

    [LibraryImport(GgmlBase)]
    internal static partial void ggml_log_set(delegate* unmanaged<ggml_log_level, byte*, nint, void> log_callback, nint user_data);

    [LibraryImport(GgmlBase)]
    internal static partial byte* ggml_op_name(int op);

    [LibraryImport(GgmlBase)]
    internal static partial byte* ggml_type_name(ggml_type type);

    [LibraryImport(GgmlBase)]
    internal static partial nuint ggml_tensor_overhead();

    [LibraryImport(GgmlBase)]
    internal static partial ggml_threadpool_params ggml_threadpool_params_default(int n_threads);

    [LibraryImport(GgmlBase)]
    internal static partial nint ggml_init(ggml_init_params @params);

    [LibraryImport(GgmlBase)]
    internal static partial void ggml_free(nint ctx);

    [LibraryImport(GgmlBase)]
    internal static partial ggml_tensor* ggml_new_tensor_2d(nint ctx, ggml_type type, long ne0, long ne1);

    [LibraryImport(GgmlBase, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial ggml_tensor* ggml_set_name(ggml_tensor* tensor, string name);

    [LibraryImport(GgmlBase, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial ggml_tensor* ggml_get_tensor(nint ctx, string name);

    [LibraryImport(GgmlBase)]
    internal static partial nuint ggml_nbytes(ggml_tensor* tensor);

    [LibraryImport(GgmlBase)]
    [return: MarshalAs(UnmanagedType.U1)]
    internal static partial bool ggml_backend_buffer_is_host(nint buffer);

    [LibraryImport(GgmlBase)]
    internal static partial void ggml_backend_tensor_get(ggml_tensor* tensor, void* data, nuint offset, nuint size);

    [LibraryImport(GgmlBase)]
    internal static partial byte* ggml_backend_dev_name(nint device);

    [LibraryImport(GgmlBase)]
    internal static partial byte* ggml_backend_dev_description(nint device);

    [LibraryImport(GgmlBase)]
    internal static partial void ggml_backend_dev_memory(nint device, out nuint free, out nuint total);

    [LibraryImport(GgmlBase)]
    internal static partial ggml_backend_dev_type ggml_backend_dev_type(nint device);

    [LibraryImport(GgmlBase)]
    internal static partial nint ggml_backend_dev_backend_reg(nint device);

    [LibraryImport(GgmlBase)]
    internal static partial byte* ggml_backend_reg_name(nint reg);

    [LibraryImport(GgmlBase, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint ggml_backend_reg_get_proc_address(nint reg, string name);

    [LibraryImport(Ggml)]
    internal static partial nuint ggml_backend_dev_count();

    [LibraryImport(Ggml)]
    internal static partial nint ggml_backend_dev_get(nuint index);

    [LibraryImport(Ggml, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint ggml_backend_load(string path);

    [LibraryImport(Ggml, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial void ggml_backend_load_all_from_path(string dir_path);
}
