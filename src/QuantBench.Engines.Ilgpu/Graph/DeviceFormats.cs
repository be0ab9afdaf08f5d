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
        [GgmlType.F32] = new("F32", 1, 4, true, [(0, 4)], FormatKernels.Float<F32Format>),
        [GgmlType.F16] = new("F16", 1, 2, true, [(0, 2)], FormatKernels.Float<F16Format>),
        [GgmlType.BF16] = new("BF16", 1, 2, true, [(0, 2)], FormatKernels.Float<BF16Format>),
        [GgmlType.Q4_0] = Blocks<Q4_0Format>("Q4_0", 32, 18, (2, 16), (0, 2)),
        [GgmlType.Q4_1] = Blocks<Q4_1Format>("Q4_1", 32, 20, (4, 16), (0, 4)),
        [GgmlType.Q5_0] = Blocks<Q5_0Format>("Q5_0", 32, 22, (6, 16), (2, 4), (0, 2)),
        [GgmlType.Q5_1] = Blocks<Q5_1Format>("Q5_1", 32, 24, (8, 16), (4, 4), (0, 4)),
        [GgmlType.Q8_0] = Blocks<Q8_0Format>("Q8_0", 32, 34, (2, 32), (0, 2)),
        [GgmlType.Q2_K] = Blocks<Q2_KFormat>("Q2_K", 256, 84, (16, 64), (0, 16), (80, 4)),
        [GgmlType.Q3_K] = Blocks<Q3_KFormat>("Q3_K", 256, 110, (32, 64), (0, 32), (96, 12), (108, 2)),
        [GgmlType.Q4_K] = Blocks<Q4_KFormat>("Q4_K", 256, 144, (16, 128), (0, 16)) with { RecodedPlane = 1 },
        [GgmlType.Q5_K] = Blocks<Q5_KFormat>("Q5_K", 256, 176, (48, 128), (16, 32), (0, 16)) with { RecodedPlane = 2 },
        [GgmlType.Q6_K] = Blocks<Q6_KFormat>("Q6_K", 256, 210, (0, 128), (128, 64), (192, 16), (208, 2)),
        [GgmlType.IQ4_NL] = Blocks<IQ4_NLFormat>("IQ4_NL", 32, 18, (2, 16), (0, 2)),
        [GgmlType.IQ4_XS] = Blocks<IQ4_XSFormat>("IQ4_XS", 256, 136, (8, 128), (0, 8)),
    }.ToFrozenDictionary();

    private static readonly DeviceFormat s_mlx = Blocks<MlxFormat>("MLX", 32, 0), s_mlx4 = Blocks<Mlx4Format>("MLX-4", 32, 0),
        s_mlx8 = Blocks<Mlx8Format>("MLX-8", 32, 0);

    /// <summary>MLX's affine code; its tensors are planes already.</summary>
    /// <param name="bits">Bits of a quant.</param>
    public static DeviceFormat Mlx(int bits) => bits switch
    {
        4 => s_mlx4,
        8 => s_mlx8,
        _ => s_mlx,
    };

    private static DeviceFormat Blocks<TFormat>(string name, int elements, int bytes,
        params ImmutableArray<(int Offset, int Length)> planes)
        where TFormat : struct, IChunkFormat => new(name, elements, bytes, false, planes, FormatKernels.Quantized<TFormat>);
}
