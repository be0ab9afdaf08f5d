using QuantBench.Core.Errors;
using QuantBench.Core.Settings;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Kernels;

namespace QuantBench.Engines.Managed.Tests.Timing;

public sealed class ManagedKernelTests : IDisposable
{
    private const long ColdBytes = 1 << 20;

    private readonly ManagedEngine _engine = new();

    public void Dispose() => _engine.Dispose();

    public static TheoryData<GgmlType> Types()
    {
        using var engine = new ManagedEngine();
        return [.. engine.KernelTypes];
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Run_ComputesTheSame_OnEveryDevice(GgmlType type)
    {
        // Rows that are no multiple of a panel, another number of columns, and a third of tokens.
        foreach (KernelOp op in Enum.GetValues<KernelOp>())
        {
            var spec = new KernelSpec(op, type, new MatrixSize(72, 512), op == KernelOp.MatMat ? 9 : 1, Cold: true);
            float[] reference = Outputs(spec, "scalar", runs: 1);
            foreach (string device in Devices())
            {
                // more than there are copies of one type at least: all hold the same weights
                float[] found = Outputs(spec, device, runs: 5);

                Assert.Equal(reference.Length, found.Length);
                // Decoding is exact; products read inputs rounded to 8 bits: relative to the results' size that is below a hundredth.
                double tolerance = op == KernelOp.Dequantize ? 0 : 0.02 * Math.Sqrt(reference.Average(r => (double)r * r));
                for (int i = 0; i < found.Length; i++)
                    Assert.True(Math.Abs(found[i] - reference[i]) <= tolerance,
                        $"{op} {type} on {device} at {i}: {found[i]} for {reference[i]}");
            }
        }
    }

    [Fact]
    public void Run_TakesTurnsOverCopies_ThatHoldTheSame()
    {
        // 256 rows of 2048 repack on AVX-512; two copies exceed the megabyte already.
        foreach (string device in Devices())
        {
            foreach (GgmlType type in (GgmlType[])[GgmlType.Q4_0, GgmlType.Q4_K, GgmlType.Q8_0])
            {
                var spec = new KernelSpec(KernelOp.MatVec, type, new MatrixSize(256, 2048), 1, Cold: true);
                using IKernel kernel = _engine.CreateKernel(spec, device, 2, ColdBytes);
                kernel.Run();
                float[] first = kernel.Output.ToArray();
                for (int run = 0; run < 6; run++)
                {
                    kernel.Run();

                    Assert.Equal(first, kernel.Output.ToArray());
                }
            }
        }
    }

    [Fact]
    public void Run_AllocatesNothing()
    {
        foreach (KernelOp op in Enum.GetValues<KernelOp>())
        {
            var spec = new KernelSpec(op, GgmlType.Q4_0, new MatrixSize(64, 256), op == KernelOp.MatMat ? 8 : 1, Cold: false);
            using IKernel kernel = _engine.CreateKernel(spec, "scalar", 1, 0);
            kernel.Run();
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int run = 0; run < 10; run++) kernel.Run();

            Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        }
    }

    [Theory]
    [InlineData(GgmlType.Q8_K, 256, "scalar", "there are no kernels for Q8_K")]
    [InlineData(GgmlType.F16, 48, "scalar", "aren't a whole number of the inputs' blocks of 32")]
    [InlineData(GgmlType.F16, 64, "mmx", "there is no device 'mmx'")]
    public void CreateKernel_Throws_WhatCanRunKernelSays(GgmlType type, int columns, string device, string problem)
    {
        var spec = new KernelSpec(KernelOp.MatVec, type, new MatrixSize(16, columns), 1, Cold: false);

        Assert.Contains(problem, _engine.CanRunKernel(spec, device).Reason, StringComparison.Ordinal);
        UnsupportedException e = Assert.Throws<UnsupportedException>(() => _engine.CreateKernel(spec, device, 1, 0));
        Assert.Contains(problem, e.Message, StringComparison.Ordinal);
    }

    private IEnumerable<string> Devices() => _engine.Devices().Where(d => d.Support.IsSupported).Select(d => d.Id);

    private float[] Outputs(KernelSpec spec, string device, int runs)
    {
        using IKernel kernel = _engine.CreateKernel(spec, device, 2, ColdBytes);
        for (int run = 0; run < runs; run++) kernel.Run();
        return kernel.Output.ToArray();
    }
}
