using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Engines.Ilgpu.Graph;
using QuantBench.Engines.Ilgpu.Timing;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Kernels;

namespace QuantBench.Engines.Ilgpu;

/// <content>The engine's kernels one by one.</content>
public sealed partial class IlgpuEngine : IKernelEngine
{
    private const int ChunkElements = 32;

    // Rows are the second dimension of a lookup's grid, which CUDA limits.
    private const int MaxDecodedRows = 65_535;

    /// <inheritdoc />
    public ImmutableArray<GgmlType> KernelTypes { get; } = [.. DeviceFormats.All.Keys.Order()];

    /// <inheritdoc />
    public Support CanTimeOn(string device) =>
        device == "cpu" ? Support.No("ilgpu/cpu: a simulation's speed says nothing about a device") : Support.Yes;

    /// <inheritdoc />
    public Support CanRunKernel(KernelSpec kernel, string device)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        if (DeviceSupport(device) is { IsSupported: false } refused) return refused;
        if (CanTimeOn(device) is { IsSupported: false } simulated) return simulated;
        if (!KernelTypes.Contains(kernel.Type)) return Support.No($"ilgpu/{device}: there are no kernels for {kernel.Type}");
        if (kernel.Size.Columns % ChunkElements != 0)
        {
            return Support.No(
                $"ilgpu/{device}: rows of {kernel.Size.Columns} weights aren't a whole number of the inputs' chunks of {ChunkElements}");
        }

        return kernel.Op == KernelOp.Dequantize && kernel.Size.Rows > MaxDecodedRows
            ? Support.No($"ilgpu/{device}: {kernel.Size.Rows} rows can't be decoded at once; {MaxDecodedRows} can")
            : Support.Yes;
    }

    /// <inheritdoc />
    public IKernel CreateKernel(KernelSpec kernel, string device, int threads, long coldBytes)
    {
        CanRunKernel(kernel, device).OrThrow();
        ArgumentOutOfRangeException.ThrowIfNegative(coldBytes);
        var made = new IlgpuKernel(kernel, device, coldBytes);
        _used = Devices().First(d => d.Id == device);
        return made;
    }

    private Support DeviceSupport(string device) => Devices().FirstOrDefault(d => d.Id == device) is { } found
        ? found.Support
        : Support.No(
            $"ilgpu: there is no device '{device}'; {string.Join(", ", Devices().Where(d => d.Support.IsSupported).Select(d => d.Id))} are "
                + $"here");
}
