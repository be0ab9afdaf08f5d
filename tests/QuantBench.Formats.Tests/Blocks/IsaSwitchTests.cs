using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuantBench.Formats.Tests.Blocks;

public sealed class IsaSwitchTests
{
    /// <summary>The block tests are run once per instruction set by environment; a name the runtime doesn't know would test the same path
    /// again.</summary>
    [Fact]
    public void IsaSwitch_TookEffect()
    {
        if (IsOff("DOTNET_EnableAVX512")) Assert.False(Avx512F.IsSupported);
        if (IsOff("DOTNET_EnableAVX2")) Assert.False(Avx2.IsSupported || Avx512F.IsSupported);
        if (IsOff("DOTNET_EnableHWIntrinsic")) Assert.False(Vector128.IsHardwareAccelerated);
    }

    private static bool IsOff(string name) => Environment.GetEnvironmentVariable(name) == "0";
}
