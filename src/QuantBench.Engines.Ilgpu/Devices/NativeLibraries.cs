using System.Runtime.InteropServices;
using System.Runtime.Loader;

namespace QuantBench.Engines.Ilgpu.Devices;

/// <summary>
/// Finds the drivers' libraries where only their versioned names exist: a machine without developer packages has <c>libOpenCL.so.1</c> and
/// <c>libcuda.so.1</c>, but ILGPU asks for <c>libOpenCL.so</c> and <c>libcuda.so</c>.
/// </summary>
internal static class NativeLibraries
{
    private static readonly Lazy<bool> s_registered = new(static () =>
    {
        AssemblyLoadContext.Default.ResolvingUnmanagedDll += static (_, name) => Resolve(name);
        return true;
    });

    /// <summary>Called before anything of ILGPU is touched: it asks once per process. Only names that the loader didn't find get
    /// here.</summary>
    public static void Register() => _ = s_registered.Value;

    /// <summary>Whether a driver's library can be loaded, under either name.</summary>
    /// <param name="name"><c>OpenCL</c> or <c>cuda</c>.</param>
    public static bool Exists(string name)
    {
        if (!NativeLibrary.TryLoad(name, typeof(ILGPU.Context).Assembly, null, out nint handle)) return false;
        NativeLibrary.Free(handle);
        return true;
    }

    private static nint Resolve(string name) =>
        name is "OpenCL" or "cuda" && OperatingSystem.IsLinux() && NativeLibrary.TryLoad($"lib{name}.so.1", out nint handle) ? handle : 0;
}
