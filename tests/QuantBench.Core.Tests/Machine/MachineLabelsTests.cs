using System.Collections.Immutable;
using QuantBench.Core.Machine;

namespace QuantBench.Core.Tests.Machine;

public sealed class MachineLabelsTests
{
    private static readonly ImmutableArray<string> s_machine =
        ["arch=x64", "isa=avx2", "isa=avx512", "memory=17179869184", "cores=16", "gpu=nvidia", "gpu=h200", "site=berlin"];

    [Theory]
    [InlineData("arch=x64", true)]
    [InlineData("ARCH=X64", true)]
    [InlineData("arch=arm64", false)]
    [InlineData("isa=avx512", true)]
    [InlineData("isa=neon", false)]
    [InlineData("memory>=16GiB", true)]
    [InlineData("memory>=16.1GiB", false)]
    [InlineData("memory<=32GiB", true)]
    [InlineData("cores>=8", true)]
    [InlineData("cores<=8", false)]
    [InlineData("gpu", true)]
    [InlineData("gpu=h200", true)]
    [InlineData("fpga", false)]
    [InlineData("site>=3", false)] // no number
    public void Broken_TellsTheRuleThatAMachineDoesntKeep(string rule, bool keeps)
    {
        Assert.Null(MachineLabels.RuleProblem(rule));
        Assert.Equal(keeps ? null : rule, MachineLabels.Broken(["arch", rule], s_machine));
    }

    [Theory]
    [InlineData("")]
    [InlineData("=x")]
    [InlineData("memory>16GiB")]
    [InlineData("memory>=much")]
    [InlineData("a=b c")]
    [InlineData("a=b\n")]
    public void RuleProblem_SaysWhatIsWrong(string rule) => Assert.NotNull(MachineLabels.RuleProblem(rule));

    [Fact]
    public void Of_ThisMachine_GivesLabelsThatAreOnes()
    {
        ImmutableArray<string> labels = MachineLabels.Of(FingerprintReader.Read() with { Gpus = ["NVIDIA H200 NVL, 570.1"] });

        Assert.All(labels, l => Assert.Null(MachineLabels.Problem(l)));
        Assert.Null(MachineLabels.Broken(["arch", "os", "cores>=1", "memory>=1MiB", "gpu=h200"], labels));
    }
}
