using QuantBench.Engines.Managed;
using QuantBench.Inference.Engines;

namespace QuantBench.Microbenchmarks;

/// <summary>The engines whose kernels are benchmarked. To add one: a project reference, a line here, and a method per device in
/// <see cref="Kernels.KernelBenchmarks"/>.</summary>
internal static class Engines
{
    /// <summary>The engine of a name.</summary>
    /// <param name="name">Engine name.</param>
    public static IEngine Create(string name) => name switch
    {
        "managed" => new ManagedEngine(),
        _ => throw new ArgumentException($"no engine '{name}' is benchmarked", nameof(name)),
    };
}
