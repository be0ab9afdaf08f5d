using QuantBench.Engines.LlamaCpp.Native;

namespace QuantBench.Engines.LlamaCpp;

/// <summary>A ggml backend device under the id that backend ids use.</summary>
/// <param name="Id"><c>cpu</c>, <c>cuda:0</c>, <c>vulkan:0</c>, <c>metal</c>.</param>
/// <param name="NativeName">ggml's own name (<c>CPU</c>, <c>CUDA0</c>); buffer types start with it.</param>
/// <param name="Description">What the device calls itself.</param>
/// <param name="Handle"><c>ggml_backend_dev_t</c>.</param>
/// <param name="IsHost">Whether it is the CPU.</param>
internal sealed unsafe record LlamaDevice(string Id, string NativeName, string Description, nint Handle, bool IsHost)
{
    /// <summary>Devices of the backends loaded so far. Accelerators that only help the CPU (BLAS) aren't devices of their own.</summary>
    public static List<LlamaDevice> Enumerate()
    {
        var devices = new List<LlamaDevice>();
        var perBackend = new Dictionary<string, int>(StringComparer.Ordinal);
        nuint count = NativeMethods.ggml_backend_dev_count();
        for (nuint i = 0; i < count; i++)
        {
            nint handle = NativeMethods.ggml_backend_dev_get(i);
            ggml_backend_dev_type type = NativeMethods.ggml_backend_dev_type(handle);
            if (type is ggml_backend_dev_type.ACCEL or ggml_backend_dev_type.META) continue;
            string backend = NativeText.Read(NativeMethods.ggml_backend_reg_name(NativeMethods.ggml_backend_dev_backend_reg(handle)))
                .ToLowerInvariant();
            int index = perBackend.GetValueOrDefault(backend);
            perBackend[backend] = index + 1;
            string id = backend switch
            {
                "cpu" => "cpu",
                "metal" or "mtl" => index == 0 ? "metal" : $"metal:{index}",
                _ => $"{backend}:{index}",
            };
            devices.Add(new LlamaDevice(
                id, NativeText.Read(NativeMethods.ggml_backend_dev_name(handle)),
                NativeText.Read(NativeMethods.ggml_backend_dev_description(handle)), handle, backend == "cpu"));
        }

        return devices;
    }

    /// <summary>Free and total memory in bytes; null where the backend doesn't tell.</summary>
    public (long? Free, long? Total) Memory()
    {
        NativeMethods.ggml_backend_dev_memory(Handle, out nuint free, out nuint total);
        return total == 0 ? (null, null) : ((long)free, (long)total);
    }
}
