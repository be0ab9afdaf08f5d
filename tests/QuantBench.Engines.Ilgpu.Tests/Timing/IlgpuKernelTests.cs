using QuantBench.Core.Errors;
using QuantBench.Core.Settings;
using QuantBench.Engines.Ilgpu.Timing;
using QuantBench.Engines.Managed;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Kernels;

namespace QuantBench.Engines.Ilgpu.Tests.Timing;

public sealed class IlgpuKernelTests
{
    private const long ColdBytes = 1 << 16;

    // To open a device and compile for it takes seconds, so each kind of device gets the two that say most about it.
    private static readonly (KernelOp Op, GgmlType Type)[] s_fast = [(KernelOp.MatVec, GgmlType.Q4_0), (KernelOp.MatMat, GgmlType.F16)];
    private static readonly (KernelOp Op,
        GgmlType Type)[] s_simulated = [(KernelOp.VecDot, GgmlType.Q8_0), (KernelOp.Dequantize, GgmlType.F16)];

    [Fact]
    public void Run_ComputesWhatTheManagedKernelsDo()
    {
        foreach (string device in Present.Best)
        {
            foreach ((KernelOp op, GgmlType type) in device == "cpu" ? s_simulated : s_fast)
            {
                // Rows that fill no tile, and more tokens than are multiplied one by one.
                var spec = new KernelSpec(op, type, new MatrixSize(17, 96), op == KernelOp.MatMat ? 9 : 1, Cold: true);
                using var managed = new ManagedEngine();
                using IKernel reference = managed.CreateKernel(spec, "scalar", 1, ColdBytes);
                reference.Run();
                using var kernel = new IlgpuKernel(spec, device, ColdBytes);
                double tolerance = InputTolerance(reference.Output);

                // More runs than there are copies: all hold the same weights.
                kernel.Run();
                AssertNear(reference.Output, kernel.Output, op == KernelOp.Dequantize ? 1e-6 : tolerance);
                double seconds = kernel.Time(device == "cpu" ? 3 : 80);
                AssertNear(reference.Output, kernel.Output, op == KernelOp.Dequantize ? 1e-6 : tolerance);
                Assert.True(seconds > 0);
                if (device != "cpu" && op == KernelOp.MatVec) Assert.InRange(kernel.CopyBandwidth(), 1e6, 1e15);
            }
        }
    }

    [Fact]
    public void CanRunKernel_SaysWhyNot()
    {
        using var engine = new IlgpuEngine();
        KernelSpec Spec(GgmlType type, int columns) => new(KernelOp.MatVec, type, new MatrixSize(8, columns), 1, Cold: false);

        Assert.Contains("simulation", engine.CanRunKernel(Spec(GgmlType.Q4_0, 64), "cpu").Reason);
        Assert.Contains("there is no device 'opencl:77'", engine.CanRunKernel(Spec(GgmlType.Q4_0, 64), "opencl:77").Reason);
        Assert.Throws<UnsupportedException>(() => engine.CreateKernel(Spec(GgmlType.Q4_0, 64), "cpu", 1, 0));
        foreach (string device in Present.Fast)
        {
            Assert.True(engine.CanRunKernel(Spec(GgmlType.Q4_0, 64), device).IsSupported);
            Assert.Contains("no kernels for IQ2_XXS", engine.CanRunKernel(Spec(GgmlType.IQ2_XXS, 256), device).Reason);
            Assert.Contains("chunks of 32", engine.CanRunKernel(Spec(GgmlType.F16, 33), device).Reason);
            Assert.Contains("can't be decoded at once",
                engine.CanRunKernel(new KernelSpec(KernelOp.Dequantize, GgmlType.F16, new MatrixSize(70_000, 32), 1, Cold: false),
                    device).Reason);
        }
    }

    // Either engine reads inputs rounded to 8 bits, at its own places: relative to the results' size that is below a hundredth.
    private static double InputTolerance(ReadOnlySpan<float> results)
    {
        double squares = 0;
        foreach (float result in results) squares += (double)result * result;
        return 0.02 * Math.Sqrt(squares / results.Length);
    }

    private static void AssertNear(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++) Assert.InRange(actual[i] - expected[i], -tolerance, tolerance);
    }
}
