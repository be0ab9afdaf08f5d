using ILGPU.Runtime;

namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>
/// What CUDA's assembler is told about launches, so that it knows how many registers a thread may have. Without it, it saves registers by
/// loading later, and the products for few tokens wait for memory twice as often.
/// </summary>
internal static class LaunchBounds
{
    /// <summary>Threads of a group at most, where kernels don't need a certain number.</summary>
    public const int Threads = 128;

    /// <summary>Bounds of the kernels of a class.</summary>
    /// <param name="kernels">The class.</param>
    public static KernelSpecialization Of(Type kernels)
    {
        if (kernels == typeof(MatVecKernels) || kernels == typeof(ExpertKernels)) return new KernelSpecialization(Threads, 4);
        if (kernels == typeof(MatMulKernels)) return new KernelSpecialization(MatMulKernels.Threads, 8);
        if (kernels == typeof(TensorKernels)) return new KernelSpecialization(TensorKernels.Threads, 2);
        return new KernelSpecialization(Threads, null);
    }

    /// <summary>The same for a device; nothing where the bounds say nothing.</summary>
    /// <param name="accelerator">The device.</param>
    /// <param name="kernels">The class.</param>
    public static KernelSpecialization Of(Accelerator accelerator, Type kernels) =>
        accelerator.AcceleratorType == AcceleratorType.Cuda ? Of(kernels) : KernelSpecialization.Empty;
}
