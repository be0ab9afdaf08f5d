using QuantBench.Cli.Commands;
using QuantBench.Inference.Kernels;

namespace QuantBench.Cli.Tests.Commands;

public sealed class BenchmarkDotNetRunTests
{
    [Fact]
    public void Arguments_FilterByOperationAndInstructionSet()
    {
        var request = new KernelRequest
        {
            Types = ["Q4_0"],
            Ops = ["matvec", "matmat"],
            Shapes = ["64x256"],
            Backends = ["managed/scalar", "managed/avx2"],
            Tokens = 8,
            Threads = 1,
            Hot = false,
            Short = true,
        };

        Assert.Equal(
            ["--filter", "*.matvecBenchmarks.scalar(*", "*.matvecBenchmarks.avx2(*", "*.matmatBenchmarks.scalar(*",
                "*.matmatBenchmarks.avx2(*", "--job", "short"],
            BenchmarkDotNetRun.Arguments(request));
    }
}
