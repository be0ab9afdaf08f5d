using System.Collections.Immutable;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;
using QuantBench.Core.Errors;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.Ilgpu.Devices;

/// <summary>
/// The devices of this machine, usable or not. Making the list reads properties only: no accelerator is created and no kernel compiled.
/// Ids count a back end's devices in the driver's order: <c>cuda:0</c>, <c>opencl:0</c>, …; <c>cpu</c> is ILGPU's own simulation.
/// </summary>
internal sealed class DeviceList : IDisposable
{
    /// <summary>Threads of a group that the kernels need.</summary>
    public const int MinGroupThreads = Kernels.MatMulKernels.Threads;

    private readonly Context _context;
    private readonly Dictionary<string, Device> _devices = [];

    /// <param name="profiling">Whether streams can take time stamps; costs a little at every launch.</param>
    public DeviceList(bool profiling = false)
    {
        NativeLibraries.Register();

        // O2 makes CUDA loads and stores address global memory directly. The simulated device has just the threads that a group needs: each
        // is a thread of the system.
        _context = Context.Create(builder =>
        {
            builder.Optimize(OptimizationLevel.O2).Cuda(static _ => true).OpenCL(static _ => true)
                .CPU(new CPUDevice(4, MinGroupThreads / 4, 1));
            if (profiling) builder.Profiling();
        });
        var all = ImmutableArray.CreateBuilder<EngineDevice>();
        int cuda = 0, openCl = 0;
        foreach (Device device in _context.Devices)
        {
            string id = device switch
            {
                CudaDevice => $"cuda:{cuda++}",
                CLDevice => $"opencl:{openCl++}",
                _ => "cpu",
            };
            _devices[id] = device;
            all.Add(DeviceFacts.Describe(id, device));
        }

        // A back end without devices is listed too, so that a suite that asks for it is told what is missing.
        if (cuda == 0)
            all.Add(new EngineDevice("cuda:0", "none", Support.No($"ilgpu/cuda:0: {Missing("cuda", "CUDA driver", "libcuda.so.1")}")));
        if (openCl == 0)
            all.Add(new EngineDevice("opencl:0", "none",
                Support.No($"ilgpu/opencl:0: {Missing("OpenCL", "OpenCL loader", "libOpenCL.so.1")}")));
        All = [.. all.OrderBy(device => device.Id, StringComparer.Ordinal)];
    }

    /// <summary>All devices.</summary>
    public ImmutableArray<EngineDevice> All { get; }

    /// <summary>Opens a device.</summary>
    /// <param name="id">The id of a supported device.</param>
    public Accelerator Open(string id) => _devices[id].CreateAccelerator(_context);

    /// <summary>Releases the drivers' contexts; accelerators must be gone.</summary>
    public void Dispose() => _context.Dispose();

    private static string Missing(string library, string driver, string file) =>
        NativeLibraries.Exists(library) ? $"the {driver} is here, but it has no device"
            : $"there is no {driver} here ({file} was not found)";
}
