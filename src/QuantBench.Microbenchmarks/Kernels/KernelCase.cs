using BenchmarkDotNet.Running;
using QuantBench.Core.Settings;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Kernels;

namespace QuantBench.Microbenchmarks.Kernels;

/// <summary>What BenchmarkDotNet's case of a kernel measures.</summary>
/// <param name="Spec">The kernel.</param>
/// <param name="Device">Its instruction set.</param>
internal sealed record KernelCase(KernelSpec Spec, string Device)
{
    /// <summary>The kernel of a case; null when it is a case of something else.</summary>
    public static KernelCase? Of(BenchmarkCase benchmark)
    {
        if (!benchmark.Descriptor.Type.IsSubclassOf(typeof(KernelBenchmarks))) return null;
        var op = Enum.Parse<KernelOp>(benchmark.Descriptor.Type.Name.Replace("Benchmarks", "", StringComparison.Ordinal));
        var type = (GgmlType)benchmark.Parameters[nameof(KernelBenchmarks.Type)];
        var shape = (MatrixSize)benchmark.Parameters[nameof(KernelBenchmarks.Shape)];
        return new KernelCase(KernelBenchmarks.SpecOf(op, type, shape),
            KernelBenchmarks.DeviceOf(benchmark.Descriptor.WorkloadMethod.Name));
    }
}
