using QuantBench.Engines.Managed;
using QuantBench.Inference.Engines;

namespace QuantBench.Microbenchmarks;

/// <summary>The engine whose kernels are benchmarked, as its registration says; <see cref="Kernels.KernelBenchmarks"/> has a method for
/// each of its devices.</summary>
internal static class Engines
{
    /// <summary>Makes it.</summary>
    public static IEngine Create() => new ManagedEngine();
}
