using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;
using QuantBench.Core.Errors;
using QuantBench.Engines.Ilgpu.Devices;
using QuantBench.Engines.Ilgpu.Graph;

namespace QuantBench.DeviceCheck;

/// <summary>An open device with its kernels.</summary>
internal sealed class TestDevice : IDisposable
{
    private readonly IDisposable _list;

    /// <param name="id">Device id.</param>
    /// <param name="profiling">Whether streams can take time stamps.</param>
    public TestDevice(string id, bool profiling = false)
    {
        var list = new DeviceList(profiling);
        _list = list;
        Id = id;
        Memory = new DeviceMemory(list.Open(id), $"ilgpu/{id}");
        Kernels = new GraphKernels(Memory);
    }

    private TestDevice(Context context, string id, Device device)
    {
        _list = context;
        Id = id;
        Memory = new DeviceMemory(device.CreateAccelerator(context), $"ilgpu/{id}");
        Kernels = new GraphKernels(Memory);
    }

    /// <summary>ILGPU's simulation of a device whose groups are four warps of 32 threads, as those of CUDA are.</summary>
    public static TestDevice OfWarps()
    {
        Context context = Context.Create(builder => builder.Optimize(OptimizationLevel.O2).CPU(new CPUDevice(32, 4, 1)));
        return new TestDevice(context, "cpu-warps", context.GetCPUDevices()[0]);
    }

    /// <summary>The first device of a kind, with ILGPU.Algorithms for its kernels and time stamps.</summary>
    /// <param name="kind">Cuda or OpenCL.</param>
    public static TestDevice WithAlgorithms(AcceleratorType kind)
    {
        NativeLibraries.Register();
        Context context = Context.Create(builder => builder.Optimize(OptimizationLevel.O2).Cuda(static _ => true).OpenCL(static _ => true)
            .Profiling().EnableAlgorithms());
        Device? device = context.Devices.FirstOrDefault(d => d.AcceleratorType == kind);
        if (device is not null) return new TestDevice(context, kind.ToString(), device);
        context.Dispose();
        throw new EngineException($"there is no {kind} device.", "'devicecheck list' lists the devices.");
    }

    public string Id { get; }

    public DeviceMemory Memory { get; }

    public GraphKernels Kernels { get; }

    /// <summary>Whether a device simulates threads one by one, so that only small cases end in time.</summary>
    public bool IsSimulated => Memory.Accelerator.AcceleratorType == AcceleratorType.CPU;

    /// <summary>Copies numbers to the device.</summary>
    public MemoryBuffer1D<T, Stride1D.Dense> Upload<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        MemoryBuffer1D<T, Stride1D.Dense> buffer = Memory.AllocateZeroed<T>(values.Length, "a test");
        Memory.Write(buffer.View, values);
        return buffer;
    }

    /// <summary>Copies numbers from the device.</summary>
    public T[] Download<T>(MemoryBuffer1D<T, Stride1D.Dense> buffer, int count)
        where T : unmanaged
    {
        T[] values = new T[count];
        Memory.Read<T>(buffer.View, values);
        return values;
    }

    public void Dispose()
    {
        Memory.Accelerator.Dispose();
        _list.Dispose();
    }
}
