using QuantBench.DeviceCheck;
using QuantBench.Formats.Gguf;

namespace QuantBench.Engines.Ilgpu.Tests.Kernels;

/// <summary>
/// The kernels for tensor cores on simulated warps of 32 threads, where the matrix instruction is replaced by an exchange of registers
/// after the layout that NVIDIA's manual gives: what a thread puts into which register, and where it writes which result, is the same code.
/// </summary>
public sealed class TensorKernelTests(TensorKernelTests.Warps warps) : IClassFixture<TensorKernelTests.Warps>
{
    // One row and token more than half a tile: all four warps have work, three of them for a single row or token.
    [Theory]
    [InlineData(GgmlType.Q4_0)]
    [InlineData(GgmlType.Q4_1)]
    [InlineData(GgmlType.Q8_0)]
    [InlineData(GgmlType.IQ4_NL)]
    [InlineData(GgmlType.MXFP4)]
    [InlineData(GgmlType.Q3_K)] // halves of their own scales, and several steps
    [InlineData(GgmlType.F16)]
    [InlineData(GgmlType.BF16)]
    public void Product_IsTheReferencesToTheLastBit_WhenTilesAreRagged(GgmlType type)
    {
        int columns = Math.Max(32, GgmlTypes.Get(type).BlockElements);

        Assert.Equal(33L * 33, ProductChecks.RunTensor(warps.Device, type, rows: 33, columns, tokens: 33, exact: true));
    }

    [Theory]
    [InlineData(GgmlType.Q4_0, 67, 3, 65)] // more than one tile of either
    [InlineData(GgmlType.F16, 5, 3, 9)]
    [InlineData(GgmlType.BF16, 1, 2, 1)]
    public void Product_IsTheReferencesWithinRounding_OverSeveralSteps(GgmlType type, int rows, int blocks, int tokens)
    {
        int columns = blocks * Math.Max(32, GgmlTypes.Get(type).BlockElements);

        Assert.Equal((long)rows * tokens, ProductChecks.RunTensor(warps.Device, type, rows, columns, tokens, exact: false));
    }

    public sealed class Warps : IDisposable
    {
        internal TestDevice Device { get; } = TestDevice.OfWarps();

        public void Dispose() => Device.Dispose();
    }
}
