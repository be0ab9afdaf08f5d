using System.Reflection;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.OpenCL;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;
using QuantBench.Core.Errors;

namespace QuantBench.Engines.Ilgpu.Devices;

/// <summary>Memory of a device, its default stream, and what its failures mean in words.</summary>
/// <param name="accelerator">The device.</param>
/// <param name="backend">Its backend id, for messages.</param>
internal sealed class DeviceMemory(Accelerator accelerator, string backend)
{
    /// <summary>The device.</summary>
    public Accelerator Accelerator { get; } = accelerator;

    /// <summary>Where everything is queued, in order.</summary>
    public AcceleratorStream Stream { get; } = accelerator.DefaultStream;

    /// <summary>Backend id.</summary>
    public string Backend { get; } = backend;

    /// <summary>Whether the device multiplies small matrices by one instruction, as <see cref="Kernels.TensorCore"/> does: compute
    /// capability 8.0.</summary>
    public bool HasTensorCores { get; } = accelerator is CudaAccelerator cuda && DeviceFacts.HasTensorCores(cuda.Architecture);

    /// <summary>Told before each kernel is compiled: its name.</summary>
    public Action<string>? Compiling { get; init; }

    /// <summary>Allocates memory; its contents are undefined.</summary>
    /// <param name="count">Elements; at least one is allocated.</param>
    /// <param name="what">What for, as in «no memory for …».</param>
    /// <exception cref="EngineException">The device has not enough.</exception>
    public MemoryBuffer1D<T, Stride1D.Dense> Allocate<T>(long count, string what)
        where T : unmanaged
    {
        try
        {
            return Accelerator.Allocate1D<T>(Math.Max(count, 1));
        }
        catch (Exception e) when (e is AcceleratorException or OutOfMemoryException or ArgumentOutOfRangeException)
        {
            double wanted = (double)count * Interop.SizeOf<T>() / (1 << 20), total = (double)Accelerator.MemorySize / (1 << 20);
            throw new EngineException(
                $"{Backend}: the device has no memory for {what}: {wanted:N0} MiB more were asked for, it has {total:N0} MiB in all "
                    + $"({Cause(e)}).",
                "Use a smaller model or quant level, or a smaller context or batch.", e);
        }
    }

    /// <summary>Allocates memory of zeros.</summary>
    /// <inheritdoc cref="Allocate"/>
    public MemoryBuffer1D<T, Stride1D.Dense> AllocateZeroed<T>(long count, string what)
        where T : unmanaged
    {
        MemoryBuffer1D<T, Stride1D.Dense> buffer = Allocate<T>(count, what);
        buffer.MemSetToZero(Stream);
        return buffer;
    }

    /// <summary>Copies numbers to the device and waits. They are pinned: ILGPU itself takes their address and lets the collector move
    /// them.</summary>
    /// <param name="target">Where to; at least as long.</param>
    /// <param name="values">The numbers.</param>
    public unsafe void Write<T>(ArrayView<T> target, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        fixed (T* first = values)
        {
            if (values.Length > 0) target.CopyFromCPU(Stream, ref *first, values.Length);
        }
    }

    /// <summary>Copies numbers from the device, once everything queued before is done.</summary>
    /// <param name="source">Where from; at least as long.</param>
    /// <param name="values">Receives the numbers; pinned, as in <see cref="Write"/>.</param>
    public unsafe void Read<T>(ArrayView<T> source, Span<T> values)
        where T : unmanaged
    {
        fixed (T* first = values)
        {
            if (values.Length > 0) source.CopyToCPU(Stream, ref *first, values.Length);
        }
    }

    /// <summary>An error of the runtime as one of the engine, with its cause.</summary>
    /// <param name="e">What was thrown.</param>
    /// <param name="doing">What was being done, as in «failed while …».</param>
    public EngineException Failed(Exception e, string doing)
    {
        if (e is EngineException known) return known;
        return Accelerator.IsDisposed || IsGone(e)
            ? new EngineException($"{Backend}: the device disappeared while {doing} ({Cause(e)}).",
                "Look at the system log for resets of the device or its driver, then run the cell again.", e)
            : new EngineException($"{Backend}: failed while {doing} ({Cause(e)}).",
                "Update the device's driver; 'quantbench doctor' lists the other devices.", e);
    }

    /// <summary>Compiles a kernel.</summary>
    /// <typeparam name="TLauncher">An action of stream, configuration and the kernel's parameters.</typeparam>
    /// <param name="kernel">The kernel: a static method.</param>
    /// <param name="bounds">What is known of its launches.</param>
    /// <exception cref="EngineException">ILGPU or the driver refused it.</exception>
    public TLauncher Compile<TLauncher>(Delegate kernel, KernelSpecialization bounds = default)
        where TLauncher : Delegate
    {
        Compiling?.Invoke(NameOf(kernel.Method));
        try
        {
            var entry = EntryPointDescription.FromExplicitlyGroupedKernel(kernel.Method);
            CompiledKernel compiled = Accelerator.GetBackend().Compile(entry, bounds);
            if (compiled is CLCompiledKernel source) compiled = StableSource.Of(source);
            return Accelerator.LoadKernel(compiled).CreateLauncherDelegate<TLauncher>();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new EngineException(
                $"{Backend}: a kernel did not compile for device \"{Accelerator.Name.Trim()}\" ({Cause(e)}).",
                "Update the device's driver; 'quantbench doctor' lists the other devices.", e);
        }
    }

    /// <summary>The runtime's and driver's words about a failure.</summary>
    public static string Cause(Exception e)
    {
        Exception at =
            e is TypeInitializationException or System.Reflection.TargetInvocationException or AggregateException
                && e.InnerException is { } inner ? inner : e;
        return at switch
        {
            CudaException cuda => $"CUDA says {cuda.Error}",
            CLException cl => $"OpenCL says {cl.Error}",
            _ => at.InnerException is { } cause && cause.Message != at.Message ? $"{at.Message.TrimEnd('.')}: {Cause(cause)}"
                : at.Message.TrimEnd('.'),
        };
    }

    private static string NameOf(MethodInfo kernel) => string.Join('.',
        [kernel.DeclaringType?.Name ?? "", kernel.Name, .. kernel.GetGenericArguments().Select(type => type.Name)]);

    private static bool IsGone(Exception e) => e switch
    {
        ObjectDisposedException => true,
        CLException cl =>
            cl.Error is CLError.CL_DEVICE_NOT_AVAILABLE or CLError.CL_DEVICE_NOT_FOUND or CLError.CL_INVALID_CONTEXT
                or CLError.CL_INVALID_COMMAND_QUEUE
            or CLError.CL_INVALID_DEVICE,
        CudaException cuda => cuda.Error is nameof(CudaError.CUDA_ERROR_DEINITIALIZED) or nameof(CudaError.CUDA_ERROR_NO_DEVICE)
            or nameof(CudaError.CUDA_ERROR_INVALID_CONTEXT) or nameof(CudaError.CUDA_ERROR_ECC_UNCORRECTABLE)
            or nameof(CudaError.CUDA_ERROR_CONTEXT_IS_DESTROYED) or nameof(CudaError.CUDA_ERROR_INVALID_DEVICE),
        _ => false,
    };
}
