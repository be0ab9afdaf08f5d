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

    [Theory]
    [InlineData(6, 1)] // the oldest capability that is accepted
    [InlineData(9, 0)]
    public void Products_UseIntegerDotsAndWideLoads_ForEveryFormat(int major, int minor)
    {
        foreach (Type format in s_quantized)
        {
            foreach (Type kernels in (Type[])[typeof(MatVecKernels), typeof(MatMulKernels)])
            {
                string ptx = Compile(kernels.GetMethod("Quantized")!.MakeGenericMethod(format), major, minor); // exists: named by the kernels' own tests
                Assert.Contains("dp4a.s32.s32", ptx);

                // MLX's streams of bits start at any word.
                if (format != typeof(MlxFormat)) Assert.Contains("ld.global.v4.b32", ptx);
            }
        }
    }

    [Theory]
    [InlineData(6, 1)]
    [InlineData(9, 0)]
    public void EveryKernel_BecomesPtx_WithoutDoublesOrHalfArithmetic(int major, int minor)
    {
        IEnumerable<MethodInfo> kernels =
        [
            .. s_quantized.SelectMany(f => (MethodInfo[])[Generic(typeof(MatVecKernels), "Quantized", f), Generic(typeof(MatMulKernels), "Quantized", f), Generic(typeof(GatherKernels), "Quantized", f)]),
            .. s_floats.SelectMany(f => (MethodInfo[])[Generic(typeof(MatVecKernels), "Float", f), Generic(typeof(MatMulKernels), "Float", f), Generic(typeof(GatherKernels), "Float", f)]),
            Plain(typeof(InputKernels), nameof(InputKernels.Normalise)), Plain(typeof(InputKernels), nameof(InputKernels.Round)), Plain(typeof(InputKernels), nameof(InputKernels.Gate)),
            Plain(typeof(AttentionKernels), nameof(AttentionKernels.Rotate)), Plain(typeof(AttentionKernels), nameof(AttentionKernels.Attend)),
            Plain(typeof(HeadKernels), nameof(HeadKernels.Cap)), Plain(typeof(HeadKernels), nameof(HeadKernels.ArgMaxParts)), Plain(typeof(HeadKernels), nameof(HeadKernels.ArgMax)),
        ];
        foreach (MethodInfo kernel in kernels)
        {
            string ptx = Compile(kernel, major, minor);

            Assert.Contains(".entry", ptx);
            Assert.DoesNotContain(".f64", ptx);
            Assert.DoesNotContain(".f16", ptx);
        }
    }

    private static MethodInfo Generic(Type kernels, string name, Type format) => Plain(kernels, name).MakeGenericMethod(format);

    private static MethodInfo Plain(Type kernels, string name) => kernels.GetMethod(name) ?? throw new InvalidOperationException($"{kernels.Name} has no {name}");

    private static string Compile(MethodInfo kernel, int major, int minor)
    {
        // A context of its own: one that once failed to compile a kernel fails at every later one.
        using Context context = Context.Create(builder => builder.Optimize(OptimizationLevel.O2));
        using var backend = new PTXBackend(context, new CudaArchitecture(major, minor), CudaInstructionSet.ISA_78, null!);
        var compiled = (PTXCompiledKernel)backend.Compile(EntryPointDescription.FromExplicitlyGroupedKernel(kernel), KernelSpecialization.Empty);
        return compiled.PTXAssembly;
    }
}
