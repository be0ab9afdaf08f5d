using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Engines.Managed.Kernels;
using QuantBench.Engines.Managed.Timing;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Kernels;

namespace QuantBench.Engines.Managed;

/// <content>The engine's kernels one by one.</content>
public sealed partial class ManagedEngine : IKernelEngine
{
    /// <inheritdoc />
    public ImmutableArray<GgmlType> KernelTypes { get; } = [.. GgmlTypes.All.Where(info => info.HoldsWeights).Select(info => info.Type)];

    /// <inheritdoc />
    public Support CanRunKernel(KernelSpec kernel, string device)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        if (DeviceSupport(device) is { IsSupported: false } refused) return refused;
        if (!KernelTypes.Contains(kernel.Type)) return Support.No($"managed/{device}: there are no kernels for {kernel.Type}");
        return kernel.Size.Columns % Activations.BlockElements == 0
            ? Support.Yes
            : Support.No(
                $"managed/{device}: rows of {kernel.Size.Columns} weights aren't a whole number of the inputs' blocks of "
                    + $"{Activations.BlockElements}");
    }

    /// <inheritdoc />
    public IKernel CreateKernel(KernelSpec kernel, string device, int threads, long coldBytes)
    {
        CanRunKernel(kernel, device).OrThrow();
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(coldBytes);
        return new ManagedKernel(kernel, KernelsOf(device), threads, coldBytes);
    }

    private static KernelSet KernelsOf(string device) => device switch
    {
        "avx512" => new Avx512Kernels(),
        "avx2" => new Avx2Kernels(),
        "neon" => new NeonKernels(),
        _ => new ScalarKernels(),
    };

    private Support DeviceSupport(string device) => Devices().FirstOrDefault(d => d.Id == device) is { } found
        ? found.Support
        : Support.No($"managed: there is no device '{device}'; scalar, neon, avx2 and avx512 are known");
}
