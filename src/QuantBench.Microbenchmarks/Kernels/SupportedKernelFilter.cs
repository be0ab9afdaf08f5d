using BenchmarkDotNet.Filters;
using BenchmarkDotNet.Running;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Engines;
using QuantBench.Inference.Kernels;

namespace QuantBench.Microbenchmarks.Kernels;

/// <summary>Leaves out kernels that can't run on this machine, or don't fit a shape.</summary>
internal sealed class SupportedKernelFilter : IFilter
{
    /// <inheritdoc/>
    public bool Predicate(BenchmarkCase benchmarkCase)
    {
        if (KernelCase.Of(benchmarkCase) is not { } kernel) return true;
        if (kernel.Spec.Size.Columns % GgmlTypes.Get(kernel.Spec.Type).BlockElements != 0) return false;
        using IEngine engine = Engines.Create();
        return ((IKernelEngine)engine).CanRunKernel(kernel.Spec, kernel.Device).IsSupported;
    }
}
