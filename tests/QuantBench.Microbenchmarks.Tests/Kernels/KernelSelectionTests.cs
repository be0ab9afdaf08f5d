using QuantBench.Core.Settings;
using QuantBench.Formats.Gguf;
using QuantBench.Microbenchmarks.Kernels;

namespace QuantBench.Microbenchmarks.Tests.Kernels;

public sealed class KernelSelectionTests
{
    [Fact]
    public void Read_TakesEverything_WhenNothingIsSet()
    {
        KernelSelection all = KernelSelection.Read(_ => null);

        Assert.Contains(GgmlType.IQ2_XXS, all.Types);
        Assert.True(all.Types.Length > 20);
        Assert.Equal([new MatrixSize(2048, 2048), new MatrixSize(8192, 2048)], all.Shapes.ToArray());
    }

    [Fact]
    public void Read_TakesWhatVariablesSay()
    {
        var set = new Dictionary<string, string>
        {
            ["QUANTBENCH_KERNEL_TYPES"] = "q4_0, Q6_K",
            ["QUANTBENCH_KERNEL_SHAPES"] = "64x256",
            ["QUANTBENCH_KERNEL_TOKENS"] = "16",
            ["QUANTBENCH_KERNEL_THREADS"] = "1",
        };

        KernelSelection some = KernelSelection.Read(set.GetValueOrDefault);

        Assert.Equal([GgmlType.Q4_0, GgmlType.Q6_K], some.Types.ToArray());
        Assert.Equal([new MatrixSize(64, 256)], some.Shapes.ToArray());
        Assert.Equal((16, 1, 1), (some.Tokens, some.Threads, some.UsedThreads));
    }

    [Theory]
    [InlineData("QUANTBENCH_KERNEL_TYPES", "Q9_Z", "there are no kernels for 'Q9_Z'")]
    [InlineData("QUANTBENCH_KERNEL_TYPES", "2", "there are no kernels for '2'")] // a number of the enum, no name
    [InlineData("QUANTBENCH_KERNEL_SHAPES", "64", "'64' is no shape")]
    [InlineData("QUANTBENCH_KERNEL_TOKENS", "1", "must be 2 to 4096")]
    [InlineData("QUANTBENCH_KERNEL_THREADS", "many", "must be 0 to 1024")]
    public void Read_NamesTheVariable_WhenItsValueIsWrong(string name, string value, string problem)
    {
        ArgumentException e = Assert.Throws<ArgumentException>(() => KernelSelection.Read(n => n == name ? value : null));

        Assert.Contains(name, e.Message, StringComparison.Ordinal);
        Assert.Contains(problem, e.Message, StringComparison.Ordinal);
    }
}
