using ILGPU.Runtime;
using QuantBench.Engines.Ilgpu.Devices;
using QuantBench.Engines.Ilgpu.Kernels;

namespace QuantBench.Engines.Ilgpu.Graph;

/// <summary>A kernel's launcher, compiled at its first use and kept: the runtime's own cache holds kernels weakly.</summary>
/// <typeparam name="TLauncher">An action of stream, configuration and the kernel's parameters.</typeparam>
/// <param name="device">Where it runs.</param>
/// <param name="kernel">The kernel.</param>
/// <param name="bounds">The class whose launch bounds it has; null = its own.</param>
internal sealed class Launcher<TLauncher>(DeviceMemory device, Delegate kernel, Type? bounds = null)
    where TLauncher : Delegate
{
    private TLauncher? _made;

    /// <summary>Queues the kernel.</summary>
    /// <exception cref="Core.Errors.EngineException">It did not compile.</exception>
    public TLauncher Queue => _made ??= device.Compile<TLauncher>(kernel, Bounds());

    // A method has a class.
    private KernelSpecialization Bounds() => LaunchBounds.Of(device.Accelerator, bounds ?? kernel.Method.DeclaringType!);
}
