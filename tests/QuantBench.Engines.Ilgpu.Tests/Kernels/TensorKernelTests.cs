using QuantBench.DeviceCheck;
using QuantBench.Engines.Ilgpu.Graph;
using QuantBench.Formats.Gguf;

namespace QuantBench.Engines.Ilgpu.Tests.Kernels;

/// <summary>
/// The kernels for tensor cores on simulated warps of 32 threads, where the matrix instruction is replaced by an exchange of registers after
/// the layout that NVIDIA's manual gives: what a thread puts into which register, and where it writes which result, is the same code.
/// </summary>
public sealed class TensorKernelTests(TensorKernelTests.Warps warps) : IClassFixture<TensorKernelTests.Warps>
{
    public static TheoryData<GgmlType> Types() => [.. DeviceFormats.All.Keys.Order()];

    [Theory]
    [MemberData(nameof(Types))]
    public void Product_IsTheReferences_WhenTheLastTileIsRagged(GgmlType type)
    {
        int block = Math.Max(32, GgmlTypes.Get(type).BlockElements);

        // One row and token more than half a tile: all four warps have work, three of them for a single row or token.
        Assert.Equal(33L * 33, ProductChecks.RunTensor(warps.Device, type, rows: 33, columns: block, tokens: 33, exact: true));
    }

    [Theory]
    [InlineData(GgmlType.Q4_0, 3)]
    [InlineData(GgmlType.Q6_K, 1)] // halves of their own scales
    [InlineData(GgmlType.F16, 3)]
    [InlineData(GgmlType.BF16, 2)]
    public void Product_IsTheReferences_OverSeveralTilesAndSteps(GgmlType type, int blocks)
    {
        int columns = blocks * Math.Max(32, GgmlTypes.Get(type).BlockElements);

        // More than one tile of either; several steps use both halves of shared memory.
        Assert.Equal(67L * 65, ProductChecks.RunTensor(warps.Device, type, rows: 67, columns, tokens: 65, exact: false));
        Assert.Equal(1, ProductChecks.RunTensor(warps.Device, type, rows: 1, columns, tokens: 1, exact: false));
    }

    public sealed class Warps : IDisposable
    {
        internal TestDevice Device { get; } = TestDevice.OfWarps();

        public void Dispose() => Device.Dispose();
    }
}
