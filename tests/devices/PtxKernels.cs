using System.Reflection;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime.Cuda;
using QuantBench.Engines.Ilgpu.Kernels;

namespace QuantBench.DeviceCheck;

/// <summary>
/// The code of every kernel that CUDA devices would get, made without a device. Found by reflection: all public static methods of the
/// engine's classes of kernels, the generic ones once per format, so that none is forgotten.
/// </summary>
internal static class PtxKernels
{
    private static readonly Type[] s_types = typeof(MatVecKernels).Assembly.GetTypes();

    /// <summary>The kernels by name, e.g. <c>MatVec.Quantized.Q4_K</c>.</summary>
    public static IReadOnlyDictionary<string, MethodInfo> All { get; } = s_types
        .Where(type => type.Namespace == typeof(MatVecKernels).Namespace && type.Name.EndsWith("Kernels", StringComparison.Ordinal))
        .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly))
        .SelectMany(Instances)
        .OrderBy(kernel => kernel.Name, StringComparer.Ordinal)
        .ToDictionary(kernel => kernel.Name, kernel => kernel.Method);

    /// <summary>A kernel's code.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="major">The device's compute capability.</param>
    /// <param name="minor">Its second number.</param>
    public static string Compile(MethodInfo kernel, int major, int minor)
    {
        // A context of its own: one that once failed to compile a kernel fails at every later one. Settings are those of the engine's
        // device list.
        using Context context = Context.Create(builder => builder.Optimize(OptimizationLevel.O2));
        using var backend = new PTXBackend(context, new CudaArchitecture(major, minor), CudaInstructionSet.ISA_78, null!);
        return ((PTXCompiledKernel)backend.Compile(EntryPointDescription.FromExplicitlyGroupedKernel(kernel),
            LaunchBounds.Of(kernel.DeclaringType!))).PTXAssembly;
    }

    private static IEnumerable<(string Name, MethodInfo Method)> Instances(MethodInfo method)
    {
        string name = $"{method.DeclaringType?.Name.Replace("Kernels", "", StringComparison.Ordinal)}.{method.Name}";
        if (!method.IsGenericMethodDefinition) return [(name, method)];
        Type contract = method.GetGenericArguments()[0].GetGenericParameterConstraints().Single(type => type.IsInterface);
        return s_types.Where(type => type.IsValueType && contract.IsAssignableFrom(type))
            .Select(type => ($"{name}.{type.Name.Replace("Format", "", StringComparison.Ordinal)}", method.MakeGenericMethod(type)));
    }
}
