using System.Reflection;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using QuantBench.Engines.Ilgpu.Kernels;

namespace QuantBench.Engines.Ilgpu.Tests.Kernels;

/// <summary>
/// The code that CUDA devices would get. It is generated and read here, not run: that takes a GPU (<c>tests/cuda/run.sh</c>).
/// </summary>
public sealed class PtxTests
{
    private static readonly Type[] s_quantized =
    [
        typeof(Q4_0Format), typeof(Q4_1Format), typeof(Q5_0Format), typeof(Q5_1Format), typeof(Q8_0Format), typeof(IQ4_NLFormat), typeof(Q2_KFormat), typeof(Q3_KFormat),
        typeof(Q4_KFormat), typeof(Q5_KFormat), typeof(Q6_KFormat), typeof(IQ4_XSFormat), typeof(MlxFormat),
    ];

    private static readonly Type[] s_floats = [typeof(F32Format), typeof(F16Format), typeof(BF16Format)];

    // The oldest capability that is accepted; newer devices' drivers take its code too.
    private static readonly CudaArchitecture s_oldest = new(6, 1);

    public static TheoryData<Type> Quantized() => [.. s_quantized];

    [Theory]
    [MemberData(nameof(Quantized))]
    public void Products_UseIntegerDotsAndWideLoads(Type format)
    {
        foreach (Type kernels in (Type[])[typeof(MatVecKernels), typeof(MatMulKernels)])
        {
            string ptx = Compile(Generic(kernels, "Quantized", format), s_oldest);
            Assert.Contains("dp4a.s32.s32", ptx);

            // MLX's streams of bits start at any word.
            if (format != typeof(MlxFormat)) Assert.Contains("ld.global.v4.b32", ptx);
            AssertPlain(ptx);
        }

        AssertPlain(Compile(Generic(typeof(GatherKernels), "Quantized", format), s_oldest));
    }

    [Fact]
    public void OtherKernels_BecomePtx_WithoutDoublesOrHalfArithmetic()
    {
        IEnumerable<MethodInfo> kernels =
        [
            .. s_floats.SelectMany(f => (MethodInfo[])[Generic(typeof(MatVecKernels), "Float", f), Generic(typeof(MatMulKernels), "Float", f), Generic(typeof(GatherKernels), "Float", f)]),
            Plain(typeof(InputKernels), nameof(InputKernels.Normalise)), Plain(typeof(InputKernels), nameof(InputKernels.Round)), Plain(typeof(InputKernels), nameof(InputKernels.Gate)),
            Plain(typeof(AttentionKernels), nameof(AttentionKernels.Rotate)), Plain(typeof(AttentionKernels), nameof(AttentionKernels.Attend)),
            Plain(typeof(HeadKernels), nameof(HeadKernels.Cap)), Plain(typeof(HeadKernels), nameof(HeadKernels.ArgMaxParts)), Plain(typeof(HeadKernels), nameof(HeadKernels.ArgMax)),
        ];
        foreach (MethodInfo kernel in kernels) AssertPlain(Compile(kernel, s_oldest));
    }

    [Fact]
    public void Products_BecomePtx_ForNewDevices()
    {
        string ptx = Compile(Generic(typeof(MatVecKernels), "Quantized", typeof(Q4_KFormat)), new CudaArchitecture(9, 0));

        // The newest that ILGPU writes; drivers compile it for what came after.
        Assert.Contains(".target sm_80", ptx);
        Assert.Contains("dp4a.s32.s32", ptx);
        AssertPlain(ptx);
    }

    private static void AssertPlain(string ptx)
    {
        Assert.Contains(".entry", ptx);
        Assert.DoesNotContain(".f64", ptx);
        Assert.DoesNotContain(".f16", ptx);
    }

    private static MethodInfo Generic(Type kernels, string name, Type format) => Plain(kernels, name).MakeGenericMethod(format);

    private static MethodInfo Plain(Type kernels, string name) => kernels.GetMethod(name) ?? throw new InvalidOperationException($"{kernels.Name} has no {name}");

    private static string Compile(MethodInfo kernel, CudaArchitecture architecture)
    {
        // A context of its own: one that once failed to compile a kernel fails at every later one.
        using Context context = Context.Create(builder => builder.Optimize(OptimizationLevel.O2));
        using var backend = new PTXBackend(context, architecture, CudaInstructionSet.ISA_78, null!);
        var compiled = (PTXCompiledKernel)backend.Compile(EntryPointDescription.FromExplicitlyGroupedKernel(kernel), KernelSpecialization.Empty);
        return compiled.PTXAssembly;
    }
}
