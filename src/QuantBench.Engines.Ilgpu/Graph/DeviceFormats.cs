using System.Collections.Frozen;
using System.Collections.Immutable;
using QuantBench.Engines.Ilgpu.Kernels;
using QuantBench.Formats.Gguf;

namespace QuantBench.Engines.Ilgpu.Graph;

/// <summary>
/// The weight formats of this engine. To add one: a struct in <c>Kernels</c> that loads 32 weights of it, and a line here that says which
/// fields of its blocks become planes. Products, gather, the correctness checks and the benchmarks follow from this table.
/// </summary>
internal static class DeviceFormats
{
    /// <summary>ggml's types.</summary>
    public static FrozenDictionary<GgmlType, DeviceFormat> All { get; } = new Dictionary<GgmlType, DeviceFormat>
    {
        [GgmlType.F32] = new(true, [(0, 4)], FormatKernels.Float<F32Format>),
        [GgmlType.F16] = new(true, [(0, 2)], FormatKernels.Float<F16Format>),
        [GgmlType.BF16] = new(true, [(0, 2)], FormatKernels.Float<BF16Format>),
        [GgmlType.Q4_0] = Blocks<Q4_0Format>((2, 16), (0, 2)),
        [GgmlType.Q4_1] = Blocks<Q4_1Format>((4, 16), (0, 4)),
        [GgmlType.Q5_0] = Blocks<Q5_0Format>((6, 16), (2, 4), (0, 2)),
        [GgmlType.Q5_1] = Blocks<Q5_1Format>((8, 16), (4, 4), (0, 4)),
        [GgmlType.Q8_0] = Blocks<Q8_0Format>((2, 32), (0, 2)),
        [GgmlType.Q2_K] = Blocks<Q2_KFormat>((16, 64), (0, 16), (80, 4)),
        [GgmlType.Q3_K] = Blocks<Q3_KFormat>((32, 64), (0, 32), (96, 12), (108, 2)),
        [GgmlType.Q4_K] = Blocks<Q4_KFormat>((16, 128), (0, 16)) with { RecodedPlane = 1 },
        [GgmlType.Q5_K] = Blocks<Q5_KFormat>((48, 128), (16, 32), (0, 16)) with { RecodedPlane = 2 },
        [GgmlType.Q6_K] = Blocks<Q6_KFormat>((0, 128), (128, 64), (192, 16), (208, 2)),
        [GgmlType.IQ4_NL] = Blocks<IQ4_NLFormat>((2, 16), (0, 2)),
        [GgmlType.MXFP4] = Blocks<MXFP4Format>((1, 16), (0, 1)),
        [GgmlType.IQ4_XS] = Blocks<IQ4_XSFormat>((8, 128), (0, 8)),
    }.ToFrozenDictionary();

    private static readonly DeviceFormat s_mlx = Blocks<MlxFormat>(), s_mlx4 = Blocks<Mlx4Format>(), s_mlx8 = Blocks<Mlx8Format>();

    /// <summary>MLX's affine code; its tensors are planes already.</summary>
    /// <param name="bits">Bits of a quant.</param>
    public static DeviceFormat Mlx(int bits) => bits switch
    {
        4 => s_mlx4,
        8 => s_mlx8,
        _ => s_mlx,
    };

    private static DeviceFormat Blocks<TFormat>(params ImmutableArray<(int Offset, int Length)> planes)
        where TFormat : struct, IChunkFormat => new(false, planes, FormatKernels.Quantized<TFormat>);
}
