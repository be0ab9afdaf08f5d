using System.Diagnostics;
using System.Reflection;
using QuantBench.DeviceCheck;
using QuantBench.Engines.Ilgpu.Kernels;

namespace QuantBench.Engines.Ilgpu.Tests.Kernels;

/// <summary>
/// The code that CUDA devices would get. It is generated and read here, not run: that takes a GPU (<c>tests/cuda/run.sh</c>).
/// </summary>
public sealed class PtxTests
{
    private static readonly Type[] s_quantized =
    [
        typeof(Q4_0Format), typeof(Q4_1Format), typeof(Q5_0Format), typeof(Q5_1Format), typeof(Q8_0Format), typeof(IQ4_NLFormat),
        typeof(MXFP4Format), typeof(Q2_KFormat), typeof(Q3_KFormat),
        typeof(Q4_KFormat), typeof(Q5_KFormat), typeof(Q6_KFormat), typeof(IQ4_XSFormat), typeof(MlxFormat), typeof(Mlx4Format),
        typeof(Mlx8Format),
    ];

    // The oldest capability that is accepted; newer devices' drivers take its code too.
    private static readonly (int, int) s_oldest = (6, 1);

    private static readonly string? s_assembler = FindAssembler();

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
        foreach (MethodInfo kernel in PtxKernels.All.Values)
        {
            if (kernel.DeclaringType != typeof(TensorKernels)) AssertPlain(Compile(kernel, s_oldest));
            else Assert.Contains("mma.sync.aligned", PtxKernels.Compile(kernel, 8, 0));
        }
    }

    [Fact]
    public void Products_BecomePtx_ForNewDevices()
    {
        string ptx = Compile(Generic(typeof(MatVecKernels), "Quantized", typeof(Q4_KFormat)), (9, 0));

        // The newest that ILGPU writes; drivers compile it for what came after. Without the bound their compiler loads late to save
        // registers.
        Assert.Contains(".target sm_80", ptx);
        Assert.Contains("dp4a.s32.s32", ptx);
        Assert.Contains(".maxntid 128", ptx);
        AssertPlain(ptx);
    }

    [Fact]
    public void Kernels_AssembleWithoutSpills_WhereTheAssemblerIsHere()
    {
        // NVIDIA's own, as tests/cuda/assemble.sh finds it. What all kernels contain is asserted above; here that it becomes machine code.
        string directory = Directory.CreateTempSubdirectory("quantbench-ptx-").FullName;
        try
        {
            foreach ((string name, MethodInfo kernel) in PtxKernels.All)
            {
                string ptx = PtxKernels.Compile(kernel, 8, 0);
                Assert.Contains(".entry", ptx);
                if (s_assembler is null) continue;
                string path = Path.Combine(directory, $"{name}.ptx");
                File.WriteAllText(path, ptx);
                using var process =
                    Process.Start(
                        new ProcessStartInfo(s_assembler,
                            ["-arch=sm_90", "-v", "-o", path + ".cubin", path])
                        { RedirectStandardError = true })
                    ?? throw new InvalidOperationException("ptxas didn't start");
                string words = process.StandardError.ReadToEnd();
                process.WaitForExit();
                Assert.True(process.ExitCode == 0 && words.Contains(" 0 bytes spill stores"), $"{name}: {words}");
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static void AssertPlain(string ptx)
    {
        Assert.Contains(".entry", ptx);
        Assert.DoesNotContain(".f64", ptx);
        Assert.DoesNotContain("rn.f16", ptx);
        Assert.DoesNotContain("f16x2", ptx);
    }

    private static string? FindAssembler()
    {
        if (Environment.GetEnvironmentVariable("PTXAS") is { Length: > 0 } named) return named;
        return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, "ptxas"))
            .FirstOrDefault(File.Exists);
    }

    private static MethodInfo Generic(Type kernels, string name, Type format) =>
        (kernels.GetMethod(name) ?? throw new InvalidOperationException($"{kernels.Name} has no {name}")).MakeGenericMethod(format);

    private static string Compile(MethodInfo kernel, (int Major, int Minor) capability) =>
        PtxKernels.Compile(kernel, capability.Major, capability.Minor);
}
