using BenchmarkDotNet.Attributes;
using QuantBench.Core.Settings;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Engines;
using QuantBench.Inference.Evaluators;
using QuantBench.Inference.Kernels;

namespace QuantBench.Microbenchmarks.Kernels;

/// <summary>
/// One operation by instruction set (the methods), block type and shape (the parameters). The plain loops are the baseline. Weights are
/// cold: copies of more than four times the last cache take turns. Every method is the engine's own entry point, so what is timed is what a
/// model runs.
/// </summary>
[MemoryDiagnoser(displayGenColumns: false)]
public abstract class KernelBenchmarks
{
    private IEngine? _engine;
    private IKernel? _kernel;

    /// <summary>What is done.</summary>
    internal abstract KernelOp Op { get; }

    /// <summary>Block type of the weights.</summary>
    [ParamsSource(nameof(Types))]
    public GgmlType Type { get; set; }

    /// <summary>Output by input features.</summary>
    [ParamsSource(nameof(Shapes))]
    public MatrixSize Shape { get; set; }

    /// <summary>Block types to benchmark.</summary>
    public static IEnumerable<GgmlType> Types => KernelSelection.Current.Types;

    /// <summary>Shapes to benchmark.</summary>
    public static IEnumerable<MatrixSize> Shapes => KernelSelection.Current.Shapes;

    /// <summary>Makes the scalar kernel.</summary>
    [GlobalSetup(Target = nameof(Scalar))]
    public void SetUpScalar() => SetUp(nameof(Scalar));

    /// <summary>Makes the AVX2 kernel.</summary>
    [GlobalSetup(Target = nameof(Avx2))]
    public void SetUpAvx2() => SetUp(nameof(Avx2));

    /// <summary>Makes the AVX-512 kernel.</summary>
    [GlobalSetup(Target = nameof(Avx512))]
    public void SetUpAvx512() => SetUp(nameof(Avx512));

    /// <summary>Plain loops.</summary>
    [Benchmark(Baseline = true)]
    public float Scalar() => Run();

    /// <summary>256-bit vectors.</summary>
    [Benchmark]
    public float Avx2() => Run();

    /// <summary>512-bit vectors.</summary>
    [Benchmark]
    public float Avx512() => Run();

    /// <summary>Frees weights and threads.</summary>
    [GlobalCleanup]
    public void CleanUp()
    {
        _kernel?.Dispose();
        _engine?.Dispose();
        (_kernel, _engine) = (null, null);
    }

    /// <summary>Device of a method.</summary>
    internal static string DeviceOf(string method) => method.ToLowerInvariant();

    /// <summary>The kernel of a benchmark.</summary>
    internal static KernelSpec SpecOf(KernelOp op, GgmlType type, MatrixSize shape) =>
        new(op, type, shape, op == KernelOp.MatMat ? KernelSelection.Current.Tokens : 1, Cold: true);

    private void SetUp(string method)
    {
        _engine = Engines.Create();
        _kernel = ((IKernelEngine)_engine)
            .CreateKernel(SpecOf(Op, Type, Shape), DeviceOf(method), KernelSelection.Current.UsedThreads, KernelEvaluator.ColdBytes);
    }

    private float Run()
    {
        _kernel!.Run(); // set up before
        return _kernel.Output[0];
    }
}
