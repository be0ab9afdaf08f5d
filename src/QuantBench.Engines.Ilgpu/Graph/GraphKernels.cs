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
        Normalise =
            device.Compile(accelerator =>
                accelerator.LoadKernel<NormParameters, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>,
                    ArrayView<float>, ArrayView<float>, ArrayView<int>, InputView>(InputKernels.Normalise,
                        LaunchBounds.Of(accelerator, typeof(InputKernels))));
        Round = device.Compile(accelerator =>
            accelerator.LoadKernel<InputView>(InputKernels.Round, LaunchBounds.Of(accelerator, typeof(InputKernels))));
        Gate = device.Compile(accelerator =>
            accelerator.LoadKernel<GateParameters, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<int>, InputView>(
                InputKernels.Gate, LaunchBounds.Of(accelerator, typeof(InputKernels))));
        NormaliseProjections = device.Compile(accelerator =>
            accelerator.LoadKernel<AttentionParameters, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>>(
                AttentionKernels.NormaliseProjections, LaunchBounds.Of(accelerator, typeof(AttentionKernels))));
        Rotate =
            device.Compile(accelerator =>
                accelerator.LoadKernel<AttentionParameters, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>,
                    ArrayView<float>, ArrayView<int>, ArrayView<int>, ArrayView<ushort>, ArrayView<ushort>>(AttentionKernels.Rotate,
                        LaunchBounds.Of(accelerator, typeof(AttentionKernels))));
        Attend =
            device.Compile(accelerator =>
                accelerator.LoadKernel<AttentionParameters, ArrayView<float>, ArrayView<int>, ArrayView<int>, ArrayView<Int4>,
                    ArrayView<int>, InputView, ArrayView<float>, ArrayView<float>>(AttentionKernels.Attend,
                        LaunchBounds.Of(accelerator, typeof(AttentionKernels))));
        Combine =
            device.Compile(accelerator =>
                accelerator.LoadKernel<AttentionParameters, int, ArrayView<float>, InputView>(AttentionKernels.Combine,
                    LaunchBounds.Of(accelerator, typeof(AttentionKernels))));
        Route = new(() => device.Compile(accelerator =>
            accelerator.LoadKernel<ExpertParameters, ArrayView<float>, ArrayView<float>, ArrayView<int>, ArrayView<float>>(
                ExpertKernels.Route, LaunchBounds.Of(accelerator, typeof(InputKernels)))));
        CombineExperts = new(() => device.Compile(accelerator =>
            accelerator.LoadKernel<ExpertParameters, ArrayView<float>, ArrayView<float>, ArrayView<int>, ArrayView<float>,
                ArrayView<float>, ArrayView<float>>(ExpertKernels.Combine, LaunchBounds.Of(accelerator, typeof(InputKernels)))));
        Cap = device.Compile(accelerator =>
            accelerator.LoadKernel<ArrayView<float>, long, float>(HeadKernels.Cap, LaunchBounds.Of(accelerator, typeof(HeadKernels))));
        ArgMaxOfParts =
            device.Compile(accelerator =>
                accelerator.LoadKernel<ArrayView<float>, int, ArrayView<float>, ArrayView<int>>(HeadKernels.ArgMaxParts,
                    LaunchBounds.Of(accelerator, typeof(HeadKernels))));
        ArgMax =
            device.Compile(accelerator =>
                accelerator.LoadKernel<ArrayView<float>, ArrayView<int>, int, ArrayView<int>, ArrayView<int>, ArrayView<int>, int>(
                    HeadKernels.ArgMax, LaunchBounds.Of(accelerator, typeof(HeadKernels))));
    }

    /// <summary>Threads of a group, except for <see cref="MatMulKernels"/>: a power of two.</summary>
    public int Threads { get; }

    /// <summary><see cref="InputKernels.Normalise"/>.</summary>
    public Action<AcceleratorStream, KernelConfig, NormParameters, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, ArrayView<float>, ArrayView<int>, InputView> Normalise
    { get; }

    /// <summary><see cref="InputKernels.Round"/>.</summary>
    public Action<AcceleratorStream, KernelConfig, InputView> Round { get; }

    /// <summary><see cref="InputKernels.Gate"/>.</summary>
    public Action<AcceleratorStream, KernelConfig, GateParameters, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<int>, InputView> Gate
    { get; }

    /// <summary><see cref="AttentionKernels.NormaliseProjections"/>.</summary>
    public Action<AcceleratorStream, KernelConfig, AttentionParameters, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>> NormaliseProjections
    { get; }

    /// <summary><see cref="AttentionKernels.Rotate"/>.</summary>
    public Action<AcceleratorStream, KernelConfig, AttentionParameters, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, ArrayView<float>, ArrayView<int>, ArrayView<int>, ArrayView<ushort>, ArrayView<ushort>> Rotate
    { get; }

    /// <summary><see cref="AttentionKernels.Attend"/>.</summary>
    public Action<AcceleratorStream, KernelConfig, AttentionParameters, ArrayView<float>, ArrayView<int>, ArrayView<int>, ArrayView<Int4>,
        ArrayView<int>, InputView, ArrayView<float>, ArrayView<float>> Attend
    { get; }

    /// <summary><see cref="AttentionKernels.Combine"/>.</summary>
    public Action<AcceleratorStream, KernelConfig, AttentionParameters, int, ArrayView<float>, InputView> Combine { get; }

    /// <summary><see cref="ExpertKernels.Route"/>.</summary>
    public Lazy<Action<AcceleratorStream, KernelConfig, ExpertParameters, ArrayView<float>, ArrayView<float>, ArrayView<int>,
        ArrayView<float>>> Route
    { get; }

    /// <summary><see cref="ExpertKernels.Combine"/>.</summary>
    public Lazy<Action<AcceleratorStream, KernelConfig, ExpertParameters, ArrayView<float>, ArrayView<float>, ArrayView<int>,
        ArrayView<float>, ArrayView<float>, ArrayView<float>>> CombineExperts
    { get; }

    /// <summary><see cref="HeadKernels.Cap"/>.</summary>
    public Action<AcceleratorStream, KernelConfig, ArrayView<float>, long, float> Cap { get; }

    /// <summary><see cref="HeadKernels.ArgMaxParts"/>.</summary>
    public Action<AcceleratorStream, KernelConfig, ArrayView<float>, int, ArrayView<float>, ArrayView<int>> ArgMaxOfParts { get; }

    /// <summary><see cref="HeadKernels.ArgMax"/>.</summary>
    public Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<int>, int, ArrayView<int>, ArrayView<int>, ArrayView<int>,
        int> ArgMax
    { get; }

    /// <summary>A grid of groups of <see cref="Threads"/>.</summary>
    public KernelConfig Groups(int x, int y = 1, int z = 1) => new(new Index3D(x, y, z), new Index3D(Threads, 1, 1));

    /// <summary>Launchers of a format.</summary>
    public FormatKernels Of(DeviceFormat format)
    {
        if (!_formats.TryGetValue(format, out FormatKernels? kernels)) _formats[format] = kernels = format.Load(_device);
        return kernels;
    }
}
