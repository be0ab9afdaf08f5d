using ILGPU;
using ILGPU.Runtime;
using QuantBench.Engines.Ilgpu.Devices;
using QuantBench.Engines.Ilgpu.Kernels;

namespace QuantBench.Engines.Ilgpu.Graph;

/// <summary>Launchers of the kernels that don't depend on a weight format, and of all formats that were used; one set per
/// accelerator.</summary>
internal sealed class GraphKernels
{
    /// <summary>Parts of the vocabulary among which the largest logit is looked for.</summary>
    public const int ArgMaxParts = 64;

    private readonly DeviceMemory _device;
    private readonly Dictionary<DeviceFormat, FormatKernels> _formats = new(ReferenceEqualityComparer.Instance);

    /// <param name="device">Where they run.</param>
    public GraphKernels(DeviceMemory device)
    {
        _device = device;
        Threads = Math.Min(LaunchBounds.Threads, device.Accelerator.MaxNumThreadsPerGroup);
        Normalise = new(device, InputKernels.Normalise);
        Round = new(device, InputKernels.Round);
        Gate = new(device, InputKernels.Gate);
        NormaliseProjections = new(device, AttentionKernels.NormaliseProjections);
        Rotate = new(device, AttentionKernels.Rotate);
        Attend = new(device, AttentionKernels.Attend);
        Combine = new(device, AttentionKernels.Combine);
        Route = new(device, ExpertKernels.Route, typeof(InputKernels));
        CombineExperts = new(device, ExpertKernels.Combine, typeof(InputKernels));
        Cap = new(device, HeadKernels.Cap);
        ArgMaxOfParts = new(device, HeadKernels.ArgMaxParts);
        ArgMax = new(device, HeadKernels.ArgMax);
    }

    /// <summary>Threads of a group, except for <see cref="MatMulKernels"/>: a power of two.</summary>
    public int Threads { get; }

    /// <summary><see cref="InputKernels.Normalise"/>.</summary>
    public Launcher<Action<AcceleratorStream, KernelConfig, NormParameters, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<int>, InputView>> Normalise
    { get; }

    /// <summary><see cref="InputKernels.Round"/>.</summary>
    public Launcher<Action<AcceleratorStream, KernelConfig, InputView>> Round { get; }

    /// <summary><see cref="InputKernels.Gate"/>.</summary>
    public Launcher<Action<AcceleratorStream, KernelConfig, GateParameters, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<int>, InputView>> Gate
    { get; }

    /// <summary><see cref="AttentionKernels.NormaliseProjections"/>.</summary>
    public Launcher<Action<AcceleratorStream, KernelConfig, AttentionParameters, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>>> NormaliseProjections
    { get; }

    /// <summary><see cref="AttentionKernels.Rotate"/>.</summary>
    public Launcher<Action<AcceleratorStream, KernelConfig, AttentionParameters, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, ArrayView<float>, ArrayView<int>, ArrayView<int>, ArrayView<ushort>, ArrayView<ushort>>> Rotate
    { get; }

    /// <summary><see cref="AttentionKernels.Attend"/>.</summary>
    public Launcher<Action<AcceleratorStream, KernelConfig, AttentionParameters, ArrayView<float>, ArrayView<int>, ArrayView<int>,
        ArrayView<Int4>, ArrayView<int>, InputView, ArrayView<float>, ArrayView<float>>> Attend
    { get; }

    /// <summary><see cref="AttentionKernels.Combine"/>.</summary>
    public Launcher<Action<AcceleratorStream, KernelConfig, AttentionParameters, int, ArrayView<float>, InputView>> Combine { get; }

    /// <summary><see cref="ExpertKernels.Route"/>.</summary>
    public Launcher<Action<AcceleratorStream, KernelConfig, ExpertParameters, ArrayView<float>, ArrayView<float>, ArrayView<int>,
        ArrayView<float>>> Route
    { get; }

    /// <summary><see cref="ExpertKernels.Combine"/>.</summary>
    public Launcher<Action<AcceleratorStream, KernelConfig, ExpertParameters, ArrayView<float>, ArrayView<float>, ArrayView<int>,
        ArrayView<float>, ArrayView<float>, ArrayView<float>>> CombineExperts
    { get; }

    /// <summary><see cref="HeadKernels.Cap"/>.</summary>
    public Launcher<Action<AcceleratorStream, KernelConfig, ArrayView<float>, long, float>> Cap { get; }

    /// <summary><see cref="HeadKernels.ArgMaxParts"/>.</summary>
    public Launcher<Action<AcceleratorStream, KernelConfig, ArrayView<float>, int, ArrayView<float>, ArrayView<int>>> ArgMaxOfParts { get; }

    /// <summary><see cref="HeadKernels.ArgMax"/>.</summary>
    public Launcher<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<int>, int, ArrayView<int>, ArrayView<int>,
        ArrayView<int>, int>> ArgMax
    { get; }

    /// <summary>Compiles what every pass of every model needs, so that a device that can't is found before weights are copied.</summary>
    /// <exception cref="QuantBench.Core.Errors.EngineException">ILGPU or the driver refused a kernel.</exception>
    public void Compile()
    {
        _ = Normalise.Queue;
        _ = Rotate.Queue;
        _ = Attend.Queue;
    }

    /// <summary>A grid of groups of <see cref="Threads"/>.</summary>
    public KernelConfig Groups(int x, int y = 1, int z = 1) => new(new Index3D(x, y, z), new Index3D(Threads, 1, 1));

    /// <summary>Launchers of a format.</summary>
    public FormatKernels Of(DeviceFormat format)
    {
        if (!_formats.TryGetValue(format, out FormatKernels? kernels)) _formats[format] = kernels = format.Load(_device);
        return kernels;
    }
}
